"""What runs beside the job on the remote side.

Here: checking the source, finalizing the hardware, starting and watching the job, recording how it
ends. Standard library, `theseus.base` and `theseus.registry` alone, Python 3.9 or later: it is
shipped by hash and runs whatever the project's environment holds. Never here: anything the client
decides; that arrives in payload.json.
"""
