#!/usr/bin/env python3
"""asyncio_worker.py LIBRARY: a program on asyncio that counts tenths of a second, and is a worker besides.

LIBRARY is libdistworker_c_worker.so. Where to and as whom is in DISTWORKER_CONTROLLER_URL, DISTWORKER_PROVISIONER and
DISTWORKER_WORKER_TOKEN_FILE.
"""

import asyncio
import os
import signal
import sys

from distworker import Worker


async def main(library):
    beats = 0

    async def beat():
        nonlocal beats
        while True:
            await asyncio.sleep(0.1)
            beats += 1

    settings = {
        "controller": os.environ["DISTWORKER_CONTROLLER_URL"],
        "provisioner": os.environ["DISTWORKER_PROVISIONER"],
        "token_file": os.environ["DISTWORKER_WORKER_TOKEN_FILE"],
    }
    async with Worker(library, **settings) as worker:
        worker.on("math.add", lambda task: {"result": task["a"] + task["b"], "beats": beats})
        worker.on("demo.echo", lambda task: task)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
        own = asyncio.create_task(beat())
        print("ended:", await worker.ended, file=sys.stderr)
        own.cancel()


try:
    asyncio.run(main(sys.argv[1]))
except ValueError as fault:
    sys.exit(f"the worker cannot begin: {fault}")
