#!/usr/bin/python3
"""The published Python SDK (PyPI: distworker-sdk, Apache-2.0) as a worker: what runs in the field today.

Installs it with pip into a virtual environment in --cache (once), then serves tasks by their operation:
{operation: "add", a, b} -> {result}; {operation: "progress", steps} -> {steps}, each step a progress with data;
{operation: "fail", message} fails. Exits 0 after --count tasks, 1 at the deadline, 77 (skipped, with the reason)
where pip cannot fetch the package.
"""
import argparse
import asyncio
import os
import pathlib
import subprocess
import sys

PACKAGE = "distworker-sdk==0.0.6"
SKIPPED = 77
INSIDE = "DISTWORKER_PEER_INSIDE_VENV"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--controller", required=True, help="base URL of the worker port")
    parser.add_argument("--provisioner", required=True)
    parser.add_argument("--token-file", required=True)
    parser.add_argument("--cache", required=True, help="folder for the virtual environment, kept between runs")
    parser.add_argument("--count", type=int, default=1, help="exit after so many tasks (default: 1)")
    parser.add_argument("--deadline", type=float, default=60, help="seconds for the tasks (default: 60)")
    return parser.parse_args()


def python_with_the_package(cache):
    """The interpreter of an environment that has the package; skips the run when there can be none."""
    folder = pathlib.Path(cache).resolve() / PACKAGE.replace("==", "-")
    python = folder / "bin" / "python"
    if python.exists() and subprocess.run([python, "-c", "import distworker"], capture_output=True).returncode == 0:
        return python
    steps = ([sys.executable, "-m", "venv", "--clear", folder],
             [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "--timeout", "15", "--retries", "1",
              "install", "--quiet", PACKAGE])
    for step in steps:
        try:
            subprocess.run(step, check=True, capture_output=True, text=True, timeout=180)
        except subprocess.CalledProcessError as error:
            reason = " ".join((error.stderr or error.stdout).split()) or "no reason given"
            print(f"skipped: {PACKAGE} cannot be installed: {reason[:600]}", flush=True)
            sys.exit(SKIPPED)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"skipped: {PACKAGE} cannot be installed: {error}", flush=True)
            sys.exit(SKIPPED)
    return python


async def handle(request):
    task = request.task
    operation = task.get_input("operation")
    if operation == "add":
        return {"result": task.get_input("a") + task.get_input("b")}
    if operation == "progress":
        steps = int(task.get_input("steps", 3))
        for step in range(1, steps + 1):
            request.progress(step / steps, f"step {step} of {steps}", {"step": step})
        return {"steps": steps}
    raise RuntimeError(task.get_input("message", "failed as asked"))


async def serve(options):
    import distworker  # only inside the environment

    token = pathlib.Path(options.token_file).read_text().rstrip("\r\n")
    worker = distworker.Worker(controller_url=options.controller, provisioner=options.provisioner, worker_id="",
                               worker_token=token, reconnect_interval=0.5)
    handled = 0

    async def count(request):
        nonlocal handled
        try:
            return await handle(request)
        finally:
            handled += 1
            print(f"handled {handled}: {request.task.queue} {request.task.task_id}", flush=True)

    worker.task_handler = count
    await worker.start()
    while handled < options.count or worker.current_task is not None:  # the SDK tells nobody: so it is asked
        await asyncio.sleep(0.02)
    await worker.stop()


def main():
    options = arguments()
    if os.environ.get(INSIDE) != "1":
        python = python_with_the_package(options.cache)
        os.execve(python, [str(python), os.path.abspath(__file__), *sys.argv[1:]], {**os.environ, INSIDE: "1"})
    try:
        asyncio.run(asyncio.wait_for(serve(options), options.deadline))
    except asyncio.TimeoutError:
        print(f"not done within {options.deadline} s", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
