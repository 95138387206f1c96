"""Bad inputs: words that no command can use, each with the files that lie beside them."""

from collections.abc import Mapping

from attrs import field, frozen

from tests.cli.desk import LOCAL_CONFIG

PLAN = ("plan", "demo", "train.yaml", "--dry-run")
SUBMIT = ("submit", "demo", "train.yaml")
CONFIG = "dispatch.yaml"
JOB = "job.yaml"
PLAN_FILE = "saved.plan.yaml"


@frozen
class BadInput:
    """The *words* of a command, and *files* in the repository."""

    words: tuple[str | bytes, ...]
    files: Mapping[str, str | bytes] = field(factory=dict)


def config(text: str | bytes) -> BadInput:
    """A plan with *text* as dispatch config."""
    return BadInput((*PLAN, "-d", CONFIG), {CONFIG: text})


def job(text: str | bytes, *words: str) -> BadInput:
    """A plan with *text* as job config."""
    return BadInput(("plan", "demo", JOB, "--dry-run", *words), {JOB: text})


def saved(text: str | bytes) -> BadInput:
    """A saved plan with *text* as its content."""
    return BadInput(("apply", PLAN_FILE), {PLAN_FILE: text})


def cluster(lines: str) -> BadInput:
    """A config whose cluster holds *lines* too."""
    return config(LOCAL_CONFIG.replace("    work: ~/work\n", f"    work: ~/work\n    {lines}\n"))


def host(lines: str) -> BadInput:
    """A config whose host holds *lines* too."""
    return config(f"{LOCAL_CONFIG}    {lines}\n")


def slurm(lines: str) -> BadInput:
    """A config with a SLURM host of *lines*."""
    return config(f"{LOCAL_CONFIG}  login: {{type: slurm, cluster: hpc, ssh: login, {lines}}}\n")


FILES = {
    "config missing": BadInput((*PLAN, "-d", "nowhere.yaml")),
    "config is a directory": BadInput((*PLAN, "-d", ".")),
    "config of an unknown user": BadInput((*PLAN, "-d", "~nobody-has-this-name/x.yaml")),
    "config not UTF-8": config(b"clusters: \xff\xfe"),
    "config binary": config(b"\x7fELF\0\1\2"),
    "config empty": config(""),
    "config only comments": config("# nothing yet\n"),
    "config a list": config("- clusters\n"),
    "config a word": config("clusters\n"),
    "config not closed": config("clusters: {hpc: [\nhosts: }"),
    "config indented by tabs": config("clusters:\n\thpc: 1\n"),
    "config with two documents": config("clusters: {}\n---\nhosts: {}\n"),
    "config with an unknown alias": config("clusters: *shared\n"),
    "config with an object": config("clusters: !!python/object:os.system x\n"),
    "config with a key twice": config(f"{LOCAL_CONFIG}clusters: {{}}\n"),
    "config that holds itself": config("clusters: &all {hpc: *all}\n"),
    "config with a host twice": config(f"{LOCAL_CONFIG}  box: {{}}\n"),
    "job config missing": BadInput(("plan", "demo", "nowhere.yaml")),
    "job config is a directory": BadInput(("submit", "demo", ".")),
    "job config not UTF-8": job(b"job: \xe9\n"),
    "job config empty": job(""),
    "job config a list": job("- job\n"),
    "job config not closed": job('job: "command\n'),
    "job config with a key twice": job("job: command\ncommand: [ls]\njob: other\n"),
    "job config with a list as key": job("job: command\n[a, b]: 1\n"),
}

CONFIGS = {
    "unknown key": config(f"{LOCAL_CONFIG}priorty: [box]\n"),
    "no clusters": config("hosts: {}\n"),
    "no host in hosts": config(LOCAL_CONFIG.partition("hosts:")[0] + "hosts: {}\n"),
    "no hosts": config("clusters: {}\n"),
    "hosts a list": config("clusters: {}\nhosts: [box]\n"),
    "a number as key": config(f"{LOCAL_CONFIG}  7: {{}}\n"),
    "cluster: unknown key": cluster("scratch: /scratch"),
    "cluster: misspelt key": cluster("checkpoint: ~/c"),
    "cluster: no root": config(LOCAL_CONFIG.replace("    root: ~/root\n", "")),
    "cluster: relative path": cluster("data: data"),
    "cluster: path a number": cluster("data: 7"),
    "cluster: path of another user": cluster("data: ~bob/data"),
    "cluster: path with a tab": cluster('data: "/a\\tb"'),
    "cluster: share with a colon": cluster("share: /a:b"),
    "cluster: mount no URL": cluster("mount: hpc"),
    "cluster: mount of another kind": cluster("mount: http://:pw@host/1"),
    "cluster: cache size": cluster("cache_size: a lot"),
    "cluster: env a number": cluster("env: {THREADS: 8}"),
    "cluster: env a flag": cluster("env: {DEBUG: true}"),
    "cluster: env a list": cluster("env: [THREADS]"),
    "cluster: env name": cluster('env: {1ST: "x"}'),
    "cluster: env of theseus": cluster('env: {THESEUS_RUN_ID: "x"}'),
    "cluster: secret in the open": cluster("secrets: {TOKEN: hunter2}"),
    "cluster: secret of no variable": cluster('secrets: {TOKEN: "env:A B"}'),
    "cluster: secret a number": cluster("secrets: {TOKEN: 7}"),
    "cluster: name with a slash": config(LOCAL_CONFIG.replace("hpc", "h/pc")),
    "host: no type": config(LOCAL_CONFIG.replace("    type: plain\n", "")),
    "host: unknown type": config(LOCAL_CONFIG.replace("plain", "kubernetes")),
    "host: nothing": config("clusters: {}\nhosts:\n  box:\n"),
    "host: unknown key": host("partition: gpu"),
    "host: misspelt key": host("uv_group: [gpu]"),
    "host: no cluster": config(LOCAL_CONFIG.replace("    cluster: hpc\n", "")),
    "host: unknown cluster": config(LOCAL_CONFIG.replace("cluster: hpc", "cluster: hcp")),
    "host: transport": config(LOCAL_CONFIG.replace("local", "telnet")),
    "host: no ssh": config(LOCAL_CONFIG.replace("    transport: local\n", "")),
    "host: ssh empty": config(LOCAL_CONFIG.replace("transport: local", 'ssh: ""')),
    "host: ssh an option": config(
        LOCAL_CONFIG.replace("transport: local", "ssh: -oProxyCommand=x")
    ),
    "host: chips a list": host("chips: [h100]"),
    "host: unknown chip": host("chips: {h10: 8}"),
    "host: chips below zero": host("chips: {h100: -1}"),
    "host: chips a fraction": host("chips: {h100: 1.5}"),
    "host: chips a flag": host("chips: {h100: yes}"),
    "host: memory a word": host("mem: lots"),
    "host: memory a fraction": host("mem: 1.5"),
    "host: time a word": host("time: soon"),
    "host: cpus zero": host("cpus_per_task: 0"),
    "host: groups a word": host("uv_groups: gpu"),
    "host: setup a word": host("setup: source env.sh"),
    "host: setup with a number": host("setup: [7]"),
    "slurm: no partitions": slurm("account: a"),
    "slurm: empty partitions": slurm("partitions: []"),
    "slurm: partition a number": slurm("partitions: [7]"),
    "slurm: partition unknown key": slurm("partitions: [{name: gpu, chips: h100}]"),
    "slurm: partition unknown chip": slurm("partitions: [{name: gpu, chip: h10}]"),
    "slurm: partition default": slurm("partitions: [{name: gpu, default: maybe}]"),
    "slurm: gres of an unknown chip": slurm("partitions: [gpu], gres_mapping: {h10: h}"),
    "priority: no host": config(f"{LOCAL_CONFIG}priority: [bos]\n"),
    "priority: a host twice": config(f"{LOCAL_CONFIG}priority: [box, box]\n"),
    "gres_mapping: unknown chip": config(f"{LOCAL_CONFIG}gres_mapping: {{h10: h100_80gb}}\n"),
    "gres_mapping: a number": config(f"{LOCAL_CONFIG}gres_mapping: {{h100: 8}}\n"),
    "variable not set": cluster("data: ${oc.env:NOBODY_SETS_THIS}/data"),
    "interpolation of nothing": cluster("data: ${clusters.hcp.root}/data"),
    "interpolation not closed": cluster("data: ${oc.env:HOME/data"),
    "unknown resolver": cluster("data: ${now:%Y}/data"),
    "everything at once": config(
        "priority: [nobody]\nclusters:\n  hpc: {root: root, work: ~/work, sahre: /s}\n"
        "hosts:\n  a: {type: plain, cluster: hpc, ssh: a, chips: {h10: 1, h100: many}}\n"
        "  b: {type: plane}\n  c: {type: slurm, cluster: hpc, ssh: c, mem: 0x}\n"
    ),
}

JOBS = {
    "no job": job("command: [ls]\n"),
    "job a number": job("job: 7\n"),
    "unknown job, near": job("job: comand\n"),
    "unknown job, far": BadInput((*SUBMIT, "-j", "zebra/ride")),
    "no command": job("job: command\n"),
    "command a text": job("job: command\ncommand: ls -l\n"),
    "command with a number": job("job: command\ncommand: [head, -n, 3]\n"),
    "request a list": job("job: command\ncommand: [ls]\nrequest: [h100]\n"),
    "request: unknown key": job("job: command\ncommand: [ls]\nrequest: {chips: 8}\n"),
    "request: misspelt key": job("job: command\ncommand: [ls]\nrequest: {min_chip: 8}\n"),
    "request: unknown chip": job("job: command\ncommand: [ls]\nrequest: {chip: h10}\n"),
    "request: below zero": job("job: command\ncommand: [ls]\nrequest: {min_chips: -1}\n"),
    "request: a fraction": job("job: command\ncommand: [ls]\nrequest: {min_chips: 1.5}\n"),
    "request: memory": job("job: command\ncommand: [ls]\nrequest: {mem: lots}\n"),
    "request: time": job("job: command\ncommand: [ls]\nrequest: {time: soon}\n"),
    "request and flags": job("job: command\ncommand: [ls]\nrequest: {mem: lots}\n", "-n", "-1"),
    "module missing": BadInput((*PLAN, "--load", "nowhere.jobs")),
    "module no name": BadInput((*PLAN, "--load", "not a module")),
    "variable not set in the job": job("job: command\ncommand: [ls]\nkey: ${oc.env:UNSET_HERE}\n"),
}

FLAGS = {
    "unknown chip, near": BadInput((*PLAN, "--chip", "h10")),
    "unknown chip, far": BadInput((*PLAN, "--chip", "zebra")),
    "chip in capitals": BadInput((*PLAN, "--chip", "H100")),
    "cpu as a chip": BadInput((*PLAN, "--chip", "cpu", "--n_chips", "2")),
    "chips below zero": BadInput((*SUBMIT, "--n_chips", "-1")),
    "chips below zero, joined": BadInput((*PLAN, "--n_chips=-1")),
    "chips a word": BadInput((*PLAN, "--n_chips", "eight")),
    "chips a fraction": BadInput((*PLAN, "-n", "1.5")),
    "chips empty": BadInput((*PLAN, "--n_chips=")),
    "numbers below one": BadInput((*PLAN, "--nodes", "0", "--cpus", "-2", "--n_shards", "0")),
    "memory below nothing": BadInput((*PLAN, "--mem", "-5G")),
    "memory below nothing after =": BadInput((*PLAN, "--mem=-5G")),
    "value left out": BadInput((*PLAN, "--mem", "--dirty")),
    "quantities": BadInput((*PLAN, "--mem", "lots", "--time", "soon")),
    "overlap": BadInput((*SUBMIT, "--cluster", "hpc", "--exclude-cluster", "hpc")),
    "unknown clusters": BadInput((*PLAN, "--cluster", "hcp,x", "--exclude-cluster", "y")),
    "no name of a cluster": BadInput((*PLAN, "--cluster", ",")),
    "variables": BadInput((*PLAN, "--env", "A", "--env", "1A=x", "--env", "THESEUS_X=1")),
    "output in no directory": BadInput((*PLAN, "-o", "no/such/place/p.yaml")),
    "output a directory": BadInput((*PLAN, "-o", ".")),
    "unknown flag": BadInput((*PLAN, "--chips", "8")),
    "flag without value": BadInput((*PLAN, "--chip")),
    "flag twice": BadInput((*PLAN, "--chip", "h100", "--chip", "a6000")),
    "switch with a word": BadInput((*PLAN, "--dirty=maybe")),
    "unknown command": BadInput(("submitt", "demo", "train.yaml")),
    "unknown option": BadInput(("--frobnicate",)),
    "bare plan": BadInput(("plan",)),
    "plan without config": BadInput(("plan", "demo")),
    "bare submit": BadInput(("submit",)),
    "bare apply": BadInput(("apply",)),
    "bare configure": BadInput(("configure",)),
    "apply of two plans": BadInput(("apply", "a.yaml", "b.yaml")),
    "shell of nobody": BadInput(("completion", "tcsh")),
    "jobs of an unknown module": BadInput(("configure", "command", "x.yaml", "--load", "nope")),
    "configure over a file": BadInput(("configure", "command", "train.yaml")),
    "configure into no directory": BadInput(("configure", "command", "no/such/x.yaml")),
    "configure an unknown job": BadInput(("configure", "comand", "x.yaml")),
    "configure an unknown key": BadInput(("configure", "command", "x.yaml", "tokens=1")),
}

OVERRIDES = {
    "no equals sign": BadInput((*PLAN, "verbose")),
    "no key": BadInput((*PLAN, "=x")),
    "empty part": BadInput((*PLAN, "request..chip=x")),
    "unknown key, near": BadInput((*PLAN, "comand=[ls]")),
    "unknown key, far": BadInput((*PLAN, "zebra=1")),
    "unknown key inside": BadInput((*PLAN, "request.min_chip=1")),
    "into a list": BadInput((*PLAN, "command.first=ls")),
    "past the end": BadInput((*PLAN, "command.9=ls")),
    "into a scalar": BadInput((*PLAN, "request.min_chips.x=1")),
    "added into a scalar": BadInput((*PLAN, "+request.min_chips.x=1")),
    "value no YAML": BadInput((*PLAN, "command=[ls")),
    "value with a key twice": BadInput((*PLAN, "+more={a: 1, a: 2}")),
    "control characters": BadInput((*PLAN, "a\x1b[31m\nb=1")),
    "not UTF-8": BadInput((*PLAN, b"+a=\xff")),
    "three at once": BadInput((*PLAN, "a", "b=1", "command=[ls]", "command.7=x")),
    "of a wrong kind": BadInput((*PLAN, "request.min_chips=-1")),
    "another job": BadInput((*PLAN, "job=zebra")),
}


def named(name: str | bytes, *words: str | bytes) -> BadInput:
    """A plan of a run called *name*."""
    return BadInput(("plan", name, "train.yaml", "--dry-run", *words))


NAMES = {
    "with a slash": named("a/b"),
    "one up": named(".."),
    "here": named("."),
    "empty": named(""),
    "a tilde": named("~root"),
    "a line break": named("a\nb"),
    "an escape": named("a\x1b[31mb"),
    "a line separator": named("a\u2028b"),
    "not UTF-8": named(b"a\xff"),
    "too long": named("x" * 129),
    "too long in bytes": named("é" * 65),
    "too long together": named("x" * 100, "-p", "y" * 100, "-g", "z"),
    "project and group": named("a", "-p", "b/c", "-g", ""),
    "a dash": named("-x"),
}

SAVED = {
    "missing": BadInput(("apply", "nowhere.yaml")),
    "a directory": BadInput(("apply", ".")),
    "not UTF-8": saved(b"\xff"),
    "binary": saved(b"\0\1\2"),
    "empty": saved(""),
    "not YAML": saved("version: 1\nrun: [\n"),
    "not JSON": saved('{"version": 1, "run": '),
    "a list": saved("- 1\n"),
    "without a version": saved("run: {}\n"),
    "of another version": saved("version: 99\n"),
    "cut off": saved("version: 1\ntheseus: 0.1.0\nrun: {id: a, name: b}\n"),
}

GROUPS = {
    "files": FILES,
    "configs": CONFIGS,
    "jobs": JOBS,
    "flags": FLAGS,
    "overrides": OVERRIDES,
    "names": NAMES,
    "saved plans": SAVED,
}
