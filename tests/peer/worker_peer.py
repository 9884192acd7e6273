#!/usr/bin/python3
"""An independent worker: serves math.* and demo.* to a controller, and judges what the controller sends.

Prints one JSON event per line, at last the verdict. Exits 0 after --count tasks when the controller kept every
rule, 1 when it did not, 3 when it refused the registration. README.md names the queues.
"""
import argparse
import asyncio
import os
import ssl
import sys
import time
import urllib.parse

sys.dont_write_bytecode = True
import websockets
import wire

OPERATIONS = {"add": lambda a, b: a + b, "subtract": lambda a, b: a - b,
              "multiply": lambda a, b: a * b, "divide": lambda a, b: a / b}


async def math(task, _report):
    return {"result": OPERATIONS[task["operation"]](task["a"], task["b"])}


async def echo(task, _report):
    return task


async def sleep(task, report):
    """Sleeps `ms` in `steps`; each step reports a progress and an item of the stream."""
    steps = int(task.get("steps", 1))
    for step in range(1, steps + 1):
        await asyncio.sleep(task.get("ms", 0) / 1000 / steps)
        await report(step / steps, f"step {step} of {steps}", {"step": step})
    return {"slept_ms": task.get("ms", 0)}


async def fail(task, _report):
    raise RuntimeError(task.get("message", "failed as asked"))


HANDLERS = {"demo.echo": echo, "demo.sleep": sleep, "demo.fail": fail}


def handler_of(queue):
    is_math = queue.startswith("math.") and queue.count(".") == 1
    return math if is_math else HANDLERS.get(queue)


def websocket_url(url):
    """Where a configured URL leads (protocol, section 1)."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme in ("ws", "wss"):
        return url
    return parts._replace(scheme={"http": "ws", "https": "wss"}[parts.scheme],
                          path=parts.path.removesuffix("/") + wire.WEBSOCKET_PATH).geturl()


class Worker:
    def __init__(self, options):
        self.options = options
        self.done = 0
        self.violations = []
        self.running = None  # id of the task that runs
        self.tasks = set()
        self.finished = asyncio.Event()

    def violation(self, text):
        self.violations.append(text)
        wire.say("violation", text=text)

    async def send(self, **payload):
        await self.socket.send(wire.wrap(**payload).SerializeToString())

    async def register(self):
        signed = wire.pb.SignedWorkerRegister(provisioner_name=self.options.provisioner,
                                              worker_id=self.options.worker_id, date=wire.now_date())
        signed.resource_info.hostname = os.uname().nodename
        signed.resource_info.cpu_cores = os.cpu_count()
        data = signed.SerializeToString()
        signature = wire.sign(wire.read_token(self.options.token_file), signed.date, data)
        await self.send(worker_register=wire.pb.WorkerRegister(data=data, signature=signature))
        held = None
        while True:
            name, payload = wire.unwrap(await self.socket.recv())
            if name == "worker_register_response":
                wire.say("registered", idle_time=payload.idle_time)
                await self.heartbeat()
                return held
            if name != "task_assign" or held:
                self.violation(f"{name} before the REGISTER_RESPONSE")
            held = payload

    async def heartbeat(self):
        await self.send(heartbeat=wire.pb.Heartbeat(timestamp=int(time.time() * 1000), health=wire.pb.WORKER_HEALTH_UP))

    async def keep_alive(self):
        while True:
            await asyncio.sleep(self.options.heartbeat_interval)
            await self.heartbeat()

    async def serve(self, held):
        if held:
            self.start(held)
        async for raw in self.socket:
            try:
                name, payload = wire.unwrap(raw)
            except (ValueError, TypeError) as error:
                self.violation(str(error))
                continue
            if name == "task_assign":
                self.start(payload)
            else:
                self.violation(f"{name}, which no controller sends here")

    def start(self, assign):
        wire.say("assigned", **wire.to_json(assign))
        if self.running:
            if self.running != assign.task_id:
                self.violation(f"{assign.task_id} assigned while {self.running} runs")
            return
        if not assign.task_id or not assign.queue:
            self.violation("an assignment without id or queue")
        self.running = assign.task_id
        task = asyncio.ensure_future(self.run(assign))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def run(self, assign):
        async def report(fraction, message, data):
            progress = wire.pb.TaskProgress(task_id=assign.task_id, progress=fraction, message=message)
            wire.to_struct(data, progress.data)
            await self.send(task_progress=progress)

        failed = wire.pb.TaskFailed(task_id=assign.task_id)
        handler = handler_of(assign.queue)
        if handler is None:
            failed.error_code, failed.error_message = "NO_HANDLER", f"no handler for {assign.queue}"
        else:
            try:
                complete = wire.pb.TaskComplete(task_id=assign.task_id)
                wire.to_struct(await handler(wire.to_json(assign.input), report), complete.result)
            except (RuntimeError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                failed.error_code, failed.error_message = "HANDLER_ERROR", f"{type(error).__name__}: {error}"
        self.running = None  # from here on the same id is a new delivery
        if failed.error_code:
            await self.send(task_failed=failed)
        else:
            await self.send(task_complete=complete)
        wire.say("answered", task_id=assign.task_id, error=failed.error_code)
        self.done += 1
        if self.done == self.options.count:
            await (await self.socket.ping())  # its pong proves that the controller has processed the answer
            self.finished.set()


async def connect(options):
    """Connects, trying again until the deadline: the controller may come late."""
    context = ssl.create_default_context(cafile=options.ca_file) if options.controller.startswith(("https", "wss")) \
        else None
    until = time.monotonic() + options.deadline
    while True:
        try:
            return await websockets.connect(websocket_url(options.controller), ssl=context, compression=None,
                                            max_size=wire.MAX_MESSAGE, ping_interval=None, close_timeout=1)
        except (OSError, websockets.InvalidHandshake):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.2)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--controller", required=True, help="base URL, or a full ws(s):// URL")
    parser.add_argument("--provisioner", required=True)
    parser.add_argument("--token-file", required=True)
    parser.add_argument("--worker-id", default="", help="for a provisioned worker")
    parser.add_argument("--count", type=int, default=1, help="exit after so many tasks (default: 1)")
    parser.add_argument("--heartbeat-interval", type=float, default=30, help="seconds (default: 30)")
    parser.add_argument("--ca-file", help="the certificate to trust, for https and wss")
    parser.add_argument("--deadline", type=float, default=60, help="seconds for all of it (default: 60)")
    return parser.parse_args()


async def main(options):
    worker = Worker(options)
    try:
        worker.socket = await connect(options)
        held = await worker.register()
    except (OSError, websockets.WebSocketException) as error:
        wire.say("refused", reason=str(error))
        return 3
    sides = [asyncio.ensure_future(side) for side in (worker.serve(held), worker.keep_alive(), worker.finished.wait())]
    ended, _ = await asyncio.wait(sides, timeout=options.deadline, return_when=asyncio.FIRST_COMPLETED)
    if not worker.finished.is_set():
        worker.violation("the connection ended" if ended else f"not done within {options.deadline} s")
    for side in sides:
        side.cancel()
    await asyncio.gather(*sides, return_exceptions=True)
    await worker.socket.close()
    wire.say("verdict", ok=not worker.violations, tasks=worker.done, violations=worker.violations)
    return 1 if worker.violations else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))
