#!/usr/bin/python3
"""The two peers against each other: they agree, and each notices a counterpart that breaks a rule."""
import asyncio
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
import wire
import worker_peer

HERE = pathlib.Path(__file__).resolve().parent
ADD = {"queue": "math.add", "input": {"operation": "add", "a": 1, "b": 2}, "expect": {"complete": {"result": 3}}}
SLEEP = {"queue": "demo.sleep", "input": {"ms": 20, "steps": 2},
         "expect": {"complete": {"slept_ms": 20}, "progress_min": 2, "data": [{"step": 1}, {"step": 2}]}}
FAIL = {"queue": "demo.fail", "input": {"message": "no luck"}, "expect": {"failed": "HANDLER_ERROR", "message": "luck"}}


class AnswersTwice(worker_peer.Worker):
    async def send(self, **payload):
        for _ in range(2 if "task_complete" in payload else 1):
            await super().send(**payload)


class ProgressAfterTheEnd(worker_peer.Worker):
    async def send(self, **payload):
        await super().send(**payload)
        if "task_complete" in payload:
            task_id = payload["task_complete"].task_id
            await super().send(task_progress=wire.pb.TaskProgress(task_id=task_id, progress=1))


class HeartbeatTooEarly(worker_peer.Worker):
    async def send(self, **payload):
        await super().send(**payload)
        if "worker_register" in payload:
            await self.heartbeat()


class NoHeartbeat(worker_peer.Worker):
    async def heartbeat(self):
        await super().send(task_progress=wire.pb.TaskProgress(task_id="none"))


class Peers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.token = pathlib.Path(folder.name) / "token"
        self.token.write_text("a-token-of-the-test\n")

    def controller(self, scenario, *options):
        process = subprocess.Popen(
            [sys.executable, HERE / "controller_peer.py", "--provisioner", "tests", "--token-file", self.token,
             "--deadline", "20", *options, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdin.write(json.dumps(scenario))
        process.stdin.close()
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        return process, process.stdout.readline().split()[1]

    def options(self, url, count, **changes):
        values = {"controller": url, "provisioner": "tests", "token_file": self.token, "worker_id": "", "count": count,
                  "heartbeat_interval": 30, "ca_file": None, "deadline": 20, **changes}
        return type("Options", (), values)

    def run_both(self, scenario, *options, worker=worker_peer.Worker, **changes):
        """(exit code of the controller, its verdict, exit code of the worker)"""
        process, url = self.controller(scenario, *options)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(process.stdout))  # a full pipe would hold it up
        reader.start()
        real, worker_peer.Worker = worker_peer.Worker, worker
        say, wire.say = wire.say, lambda *_, **__: None
        try:
            code = asyncio.run(worker_peer.main(self.options(url, len(scenario["tasks"]), **changes)))
        finally:
            worker_peer.Worker, wire.say = real, say
        reader.join()
        return process.wait(), json.loads(lines[-1]), code

    def test_tasks_of_all_kinds(self):
        scenario = {"tasks": [ADD, {**SLEEP, "copies": 2}, FAIL, {**ADD, "queue": "no.such", "expect": {"failed": "NO_HANDLER"}}]}
        code, verdict, worker = self.run_both(scenario)
        self.assertEqual((code, verdict["violations"], worker), (0, [], 0))
        self.assertEqual(verdict["outcomes"], {"task_complete": 2, "task_failed": 2})

    def test_an_assignment_that_overtakes_the_response(self):
        self.assertEqual(self.run_both({"tasks": [ADD]}, "--early-assign")[::2], (0, 0))

    def test_a_large_payload_both_ways(self):
        text = "x" * (4 << 20)
        echo = {"queue": "demo.echo", "input": {"text": text}, "expect": {"complete": {"text": text}}}
        self.assertEqual(self.run_both({"tasks": [echo]})[::2], (0, 0))

    def test_a_refusal(self):
        self.assertEqual(self.run_both({"tasks": []}, "--refuse", "1")[::2], (0, 3))

    def test_a_wrong_token_is_noticed(self):
        other = self.token.with_name("other")
        other.write_text("another-token")
        code, verdict, worker = self.run_both({"tasks": [ADD]}, token_file=other)
        self.assertEqual((code, worker), (1, 3))
        self.assertIn("the signature is wrong", verdict["violations"][0])

    def test_a_wrong_result_is_noticed(self):
        code, verdict, _ = self.run_both({"tasks": [{**ADD, "expect": {"complete": {"result": 4}}}]})
        self.assertEqual(code, 1)
        self.assertIn("expected {'result': 4}", verdict["violations"][0])

    def test_workers_that_break_a_rule_are_noticed(self):
        for worker, complaint in ((AnswersTwice, "task_complete for"), (ProgressAfterTheEnd, "task_progress for"),
                                  (HeartbeatTooEarly, "heartbeat before the REGISTER_RESPONSE"),
                                  (NoHeartbeat, "task_progress before the first HEARTBEAT")):
            with self.subTest(worker=worker.__name__):
                code, verdict, _ = self.run_both({"tasks": [ADD, ADD]}, "--deadline", "3", worker=worker)
                self.assertEqual(code, 1)
                self.assertIn(complaint, " ".join(verdict["violations"]))

    def test_a_lost_task_is_noticed(self):
        class Leaves(worker_peer.Worker):
            def start(self, assign):
                self.socket.transport.abort()

        code, verdict, worker = self.run_both({"tasks": [ADD]}, worker=Leaves)
        self.assertEqual((code, worker), (1, 1))
        self.assertIn("was lost with task", verdict["violations"][0])


if __name__ == "__main__":
    unittest.main()
