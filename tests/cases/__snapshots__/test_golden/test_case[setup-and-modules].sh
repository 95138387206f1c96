export CACHE="${HOME}/.cache"
ulimit -n 65536
