#!/usr/bin/python3
"""An independent controller: assigns the tasks of a scenario to a worker and judges all that the worker says.

Prints `worker http://127.0.0.1:PORT`, then one JSON event per line, at last the verdict; exits 0 when the worker
kept every rule and every task ended as expected, 1 otherwise, 2 on bad use. README.md describes the scenario.
"""
import argparse
import asyncio
import collections
import json
import math
import sys
import time

sys.dont_write_bytecode = True
import websockets
import wire
from google.protobuf.message import DecodeError

LOST = (websockets.ConnectionClosed, ConnectionError)


class Connection:
    """A worker's connection, and what the worker owes on it."""

    def __init__(self, socket, number):
        self.socket, self.number = socket, number
        self.answered = False  # the REGISTER_RESPONSE is on its way
        self.alive = asyncio.Event()  # the first HEARTBEAT came
        self.running = None  # {"id", "progress", "data", "cut", "done"} while a task runs
        self.owed = False  # a task of the scenario was given to it, and is not closed yet
        self.silent = False  # what was sent deserves no answer at all
        self.idle_since = None  # all is done: now the worker's idle time runs

    def start(self, task_id, cut_after=None):
        self.running = {"id": task_id, "progress": 0, "data": [], "cut": cut_after,
                        "done": asyncio.get_running_loop().create_future()}
        return self.running

    def end(self, outcome, payload=None):
        self.running["done"].set_result((outcome, payload))
        self.running = None


class Controller:
    def __init__(self, options, scenario):
        self.options = options
        self.token = wire.read_token(options.token_file)
        self.waiting = collections.deque(enumerate(scenario.get("tasks", [])))
        self.wanted = scenario.get("connections", 1)
        self.open = len(self.waiting) + self.wanted * (options.idle_time > 0)  # ends that are still to come
        self.refusals = options.refuse
        self.connections = []
        self.registered = 0
        self.enough = asyncio.Event()  # as many connections as the scenario wants have registered
        self.finished = asyncio.Event()
        self.violations = []
        self.outcomes = collections.Counter()

    def violation(self, text):
        self.violations.append(text)
        wire.say("violation", text=text)

    def closed(self, count=1):
        self.open -= count
        if self.open == 0 and self.refusals == 0 and (self.enough.is_set() or self.options.refuse):
            self.finished.set()

    async def serve(self, socket, path):
        connection = Connection(socket, len(self.connections) + 1)
        self.connections.append(connection)
        wire.say("connected", connection=connection.number)
        if path.split("?")[0] != wire.WEBSOCKET_PATH:
            self.violation(f"an upgrade at {path}, not at {wire.WEBSOCKET_PATH}")
        sides = []
        try:
            if not await self.register(connection):
                socket.transport.abort()
                return
            sides = [asyncio.ensure_future(self.read(connection)), asyncio.ensure_future(self.run(connection))]
            await asyncio.gather(*sides)
        except asyncio.TimeoutError:
            self.violation(f"connection {connection.number}: no answer within 15 s")
        except LOST as error:
            wire.say("disconnected", connection=connection.number, reason=str(error))
            if not self.finished.is_set():
                self.lost(connection)
        finally:
            for side in sides:
                side.cancel()

    def lost(self, connection):
        if connection.running:
            self.violation(f"connection {connection.number} was lost with task {connection.running['id']}")
        if connection.owed:
            self.closed()
        if connection.idle_since:
            idle_s = time.monotonic() - connection.idle_since
            wire.say("left", connection=connection.number, idle_s=round(idle_s, 2))
            if idle_s < self.options.idle_time - 0.5:
                self.violation(f"left {idle_s:.1f} s after its last task, before its idle time")
            self.closed()

    async def register(self, connection):
        raw = await asyncio.wait_for(connection.socket.recv(), 15)
        try:
            name, register = wire.unwrap(raw if isinstance(raw, bytes) else b"")
            if name != "worker_register":
                raise ValueError(f"the first message is {name}")
            signed = wire.pb.SignedWorkerRegister.FromString(register.data)
            if register.signature != wire.sign(self.token, signed.date, register.data):
                raise ValueError("the signature is wrong")
            if wire.clock_skew_s(signed.date) > wire.MAX_CLOCK_SKEW_S:
                raise ValueError(f"the date {signed.date!r} is more than 5 minutes off")
            if (signed.provisioner_name, signed.worker_id) != (self.options.provisioner, self.options.worker_id):
                raise ValueError(f"provisioner {signed.provisioner_name!r}, worker {signed.worker_id!r}")
        except (ValueError, DecodeError) as error:
            self.violation(f"connection {connection.number} registers badly: {error}")
            self.finished.set()
            return False
        wire.say("registered", connection=connection.number, **wire.to_json(signed))
        if self.refusals == 0:
            return True
        self.refusals -= 1
        wire.say("refused", connection=connection.number)
        self.closed(0)
        return False

    async def answer(self, connection):
        await self.settle(connection)  # what the worker says too early has come by then
        connection.answered = True
        response = wire.pb.WorkerRegisterResponse(idle_time=self.options.idle_time)
        await connection.socket.send(wire.wrap(worker_register_response=response).SerializeToString())
        await asyncio.wait_for(connection.alive.wait(), 15)
        self.registered += 1
        if self.registered >= self.wanted:
            self.enough.set()
            self.closed(0)
        await self.enough.wait()

    async def read(self, connection):
        async for raw in connection.socket:
            try:
                if isinstance(raw, str):
                    raise ValueError("a text message")
                name, payload = wire.unwrap(raw)
            except ValueError as error:
                self.violation(str(error))
                continue
            wire.say("frame", connection=connection.number, type=name, **wire.to_json(payload))
            if not connection.answered:
                self.violation(f"{name} before the REGISTER_RESPONSE")
            elif not connection.alive.is_set() and name != "heartbeat":
                self.violation(f"{name} before the first HEARTBEAT")
            if name == "heartbeat":
                self.heartbeat(connection, payload)
            elif name in ("task_progress", "task_complete", "task_failed"):
                self.task_frame(connection, name, payload)
            else:
                self.violation(f"{name}, which no worker sends here")
        raise ConnectionError("the worker closed it")

    def heartbeat(self, connection, payload):
        connection.alive.set()
        if abs(payload.timestamp / 1000 - time.time()) > wire.MAX_CLOCK_SKEW_S:
            self.violation(f"a heartbeat's timestamp {payload.timestamp} is not now in ms")
        if payload.health not in (wire.pb.WORKER_HEALTH_UP, wire.pb.WORKER_HEALTH_DOWN, wire.pb.WORKER_HEALTH_WARN):
            self.violation(f"a heartbeat's health is {payload.health}")
        if not 0 <= payload.resource_usage.cpu_percent <= 100:
            self.violation(f"a heartbeat's cpu_percent is {payload.resource_usage.cpu_percent}")

    def task_frame(self, connection, name, payload):
        task = connection.running
        if task is None or connection.silent or task["id"] not in (payload.task_id, None):
            self.violation(f"{name} for {payload.task_id}, which is not running on this connection")
        elif name == "task_progress":
            if not 0 <= payload.progress <= 1 or math.isnan(payload.progress):
                self.violation(f"a progress of {payload.progress}")
            task["progress"] += 1
            if payload.HasField("data"):
                task["data"].append(wire.to_json(payload.data))
            if task["cut"] and task["progress"] >= task["cut"]:
                connection.end("cut")
        else:
            connection.end(name, payload)

    async def run(self, connection):
        early = None
        if self.options.early_assign and self.waiting:
            early = await self.assign(connection)
            await self.settle(connection)  # it has read the assignment, and must still wait for the response
        await self.answer(connection)
        while early or self.waiting:
            assigned, early = early or await self.assign(connection), None
            await self.judge(connection, *assigned)
            await self.settle(connection)  # a second answer would come before this pong, and find nothing running
            connection.owed = False
            self.closed()
        if self.options.idle_time:
            connection.idle_since = time.monotonic()
            await asyncio.sleep(self.options.idle_time + 10)
            self.violation(f"still there {self.options.idle_time + 10} s after its last task")
            self.closed()

    async def settle(self, connection):
        """Until the worker has read all that was sent so far: it answers this ping after that."""
        await asyncio.wait_for(await connection.socket.ping(), 15)

    async def assign(self, connection):
        index, task = self.waiting.popleft()
        connection.owed = True
        if "hex" in task:
            task_id, raw = task.get("task_id"), bytes.fromhex(task["hex"])
        else:
            task_id = task.get("task_id") or wire.new_task_id()
            assign = wire.pb.TaskAssign(task_id=task_id, queue=task["queue"], timeout_ms=task.get("timeout_ms", 0),
                                        files=[wire.pb.FileInfo(**file) for file in task.get("files", [])])
            wire.to_struct(task.get("metadata", {}), assign.metadata)
            wire.to_struct(task.get("input", {}), assign.input)
            raw = wire.wrap(task_assign=assign).SerializeToString()
        running = connection.start(task_id, task.get("cut_after_progress"))
        connection.silent = task["expect"] == "strike"
        wire.say("assigned", connection=connection.number, task_id=task_id, bytes=len(raw))
        for _ in range(task.get("copies", 1)):  # a duplicate of a running task is the same delivery
            await connection.socket.send(raw)
        return index, task, running

    async def judge(self, connection, index, task, running):
        if connection.silent:
            await self.settle(connection)
            connection.end("strike")
            connection.silent = False
        outcome, payload = await running["done"]
        self.outcomes[outcome] += 1
        if outcome == "cut":
            connection.socket.transport.abort()
            raise ConnectionError("cut by the scenario")
        for complaint in complaints(task["expect"], outcome, payload, running):
            self.violation(f"task {index} ({task.get('queue', 'a raw frame')}): {complaint}")


def complaints(expect, outcome, payload, running):
    """How an outcome differs from what the scenario expects of it."""
    if isinstance(expect, str):
        expect = {"refuse": {"failed": "INVALID_TASK"}, "accept": {}, "strike": {}}[expect]
    if "complete" in expect:
        if outcome != "task_complete":
            yield f"expected a result, got {payload.error_code}: {payload.error_message}"
        elif wire.to_json(payload.result) != expect["complete"]:
            yield f"expected {str(expect['complete'])[:200]}, got {str(wire.to_json(payload.result))[:200]}"
    if "failed" in expect:
        if outcome != "task_failed":
            yield f"expected {expect['failed']}, got a result"
        elif payload.error_code != expect["failed"] or expect.get("message", "") not in payload.error_message:
            yield f"expected {expect}, got {payload.error_code}: {payload.error_message}"
    if running["progress"] < expect.get("progress_min", 0):
        yield f"{running['progress']} progress updates, expected {expect['progress_min']} at least"
    if "data" in expect and running["data"] != expect["data"]:
        yield f"stream {running['data']}, expected {expect['data']}"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="?", default="-", help="JSON, or @FILE, or - for stdin")
    parser.add_argument("--token-file", required=True)
    parser.add_argument("--provisioner", required=True)
    parser.add_argument("--worker-id", default="", help="the id the worker must give (default: none)")
    parser.add_argument("--idle-time", type=int, default=0, help="seconds; above 0 the worker must leave at the end")
    parser.add_argument("--early-assign", action="store_true", help="the first assignment overtakes the response")
    parser.add_argument("--refuse", type=int, default=0, metavar="N", help="close silently after N registrations")
    parser.add_argument("--deadline", type=float, default=60, help="seconds for all of it (default: 60)")
    return parser.parse_args()


async def main(options):
    text = options.scenario
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        with open(text[1:], encoding="utf-8") as file:
            text = file.read()
    controller = Controller(options, json.loads(text))
    async with websockets.serve(controller.serve, "127.0.0.1", 0, ping_interval=3, ping_timeout=15,
                                compression=None, max_size=wire.MAX_MESSAGE, close_timeout=1) as server:
        print(f"worker http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        try:
            await asyncio.wait_for(controller.finished.wait(), options.deadline)
        except asyncio.TimeoutError:
            controller.violation(f"not finished within {options.deadline} s: {controller.open} ends are missing")
        controller.finished.set()
        for connection in controller.connections:  # the end is abrupt, as a controller's is
            connection.socket.transport.abort()
    wire.say("verdict", ok=not controller.violations, outcomes=controller.outcomes,
             registrations=controller.registered, violations=controller.violations)
    return 1 if controller.violations else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))
