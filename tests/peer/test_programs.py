#!/usr/bin/python3
"""Our programs against the independent peers: basic_worker under the Python controller, and distworker-controller
with the Python worker and with the published SDK.

Paths come by WORKER_PROGRAM, CONTROLLER_PROGRAM and PEER_CACHE (a folder for the published SDK's environment).
"""
import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.request

sys.dont_write_bytecode = True
import wire

HERE = pathlib.Path(__file__).resolve().parent
TOKEN = "a-token-of-the-test"
DEADLINE_S = 60


def add(a, b):
    return {"queue": "math.add", "input": {"operation": "add", "a": a, "b": b}, "expect": {"complete": {"result": a + b}}}


def sleep(ms, steps, **more):
    return {"queue": "demo.sleep", "input": {"ms": ms, "steps": steps}, **more,
            "expect": {"complete": {"slept_ms": ms}, "data": [{"step": step} for step in range(1, steps + 1)]}}


class Programs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.token = self.folder / "token"
        self.token.write_text(TOKEN + "\n")
        self.token.chmod(0o600)

    def start(self, *command, **options):
        process = subprocess.Popen([str(word) for word in command], text=True, **options)

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream and not stream.closed:
                    stream.close()

        self.addCleanup(end)
        return process


class WorkerUnderThePeer(Programs):
    """basic_worker; controller_peer.py judges every frame that it sends."""

    def judge(self, scenario, *controller_options, worker_id="", flags=()):
        """(verdict of the controller, exit code of the worker, its log)"""
        controller = self.start(sys.executable, HERE / "controller_peer.py", "--provisioner", "tests", "--token-file",
                                self.token, "--deadline", DEADLINE_S, "--worker-id", worker_id, *controller_options,
                                "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        controller.stdin.write(json.dumps(scenario))
        controller.stdin.close()
        url = controller.stdout.readline().split()[1]
        log = self.folder / "worker.log"
        with open(log, "w", encoding="utf-8") as output:
            worker = self.start(
                os.environ["WORKER_PROGRAM"], "--reconnect-interval", "250ms", "--log-level", "debug", *flags,
                stdout=output, stderr=output,
                env={**os.environ, "DISTWORKER_CONTROLLER_URL": url, "DISTWORKER_PROVISIONER": "tests",
                     "DISTWORKER_WORKER_ID": worker_id, "DISTWORKER_WORKER_TOKEN_FILE": str(self.token)})
        lines = list(controller.stdout)
        if controller_options[:1] != ("--idle-time",):
            worker.send_signal(signal.SIGTERM)
        code = worker.wait(DEADLINE_S)
        text = log.read_text(encoding="utf-8")
        self.assertNotIn(TOKEN, text)
        return json.loads(lines[-1]), code, text

    def assert_kept_every_rule(self, scenario, *controller_options, **options):
        verdict, code, log = self.judge(scenario, *controller_options, **options)
        self.assertEqual(verdict["violations"], [], log[-4000:])
        self.assertEqual(code, 0, log[-4000:])
        return verdict

    def test_tasks_of_all_kinds(self):
        echo = {"text": "Grüße, 世界 \u0000 \U0001f600", "list": [1, None, True, {"deep": [[]]}], "empty": {}}
        self.assert_kept_every_rule({"tasks": [
            add(1, 2),
            sleep(40, 4),
            {"queue": "demo.echo", "input": echo, "metadata": {"by": "tests"}, "expect": {"complete": echo}},
            {"queue": "demo.fail", "input": {"message": "no luck"}, "expect": {"failed": "HANDLER_ERROR", "message": "luck"}},
            {"queue": "no.such", "input": {}, "expect": {"failed": "NO_HANDLER"}},
            {"queue": "math.add", "input": {"operation": "add", "a": 1}, "expect": {"failed": "INVALID_INPUT", "message": "b"}},
            {"queue": "demo.sleep", "input": {"ms": 60000}, "timeout_ms": 100, "expect": {"failed": "TIMEOUT"}},
            add(3, 4)]})

    def test_two_slots(self):
        verdict = self.assert_kept_every_rule({"connections": 2, "tasks": [sleep(100, 2)] * 6}, flags=("--slots", "2"))
        self.assertEqual(verdict["registrations"], 2)

    def test_an_assignment_that_overtakes_the_response(self):
        self.assert_kept_every_rule({"tasks": [add(1, 2)]}, "--early-assign")

    def test_copies_of_an_assignment_run_once(self):
        self.assert_kept_every_rule({"tasks": [sleep(100, 2, copies=3), add(1, 2)]})

    def test_a_large_payload_both_ways(self):
        text = "x" * (4 << 20)
        self.assert_kept_every_rule({"tasks": [{"queue": "demo.echo", "input": {"text": text},
                                                "expect": {"complete": {"text": text}}}]})

    def test_malformed_frames(self):
        with open(wire.vectors_folder() / "malformed_frames.json", encoding="utf-8") as file:
            vectors = json.load(file)
        self.assertTrue(vectors)
        tasks = [{"hex": vector["hex"], "expect": vector["expect"], "queue": vector["name"]} for vector in vectors]
        verdict = self.assert_kept_every_rule({"tasks": [*tasks, add(1, 2)]})
        self.assertEqual(verdict["registrations"], 1, "one of them ended the connection")

    def test_a_connection_that_is_cut_under_a_task(self):
        cut = {"queue": "demo.sleep", "input": {"ms": 400, "steps": 8}, "cut_after_progress": 2, "expect": {}}
        verdict = self.assert_kept_every_rule({"tasks": [cut, add(1, 2)]})
        self.assertEqual(verdict["outcomes"], {"cut": 1, "task_complete": 1})

    def test_a_refusal_names_the_likely_causes_and_is_tried_again(self):
        verdict, code, log = self.judge({"tasks": [add(1, 2)]}, "--refuse", "1")
        self.assertEqual((verdict["violations"], code), ([], 0), log)
        for cause in ("token", "clock", "provisioner"):
            self.assertIn(cause, log)

    def test_leaves_when_idle_for_the_controllers_time(self):
        self.assert_kept_every_rule({"tasks": [add(1, 2)]}, "--idle-time", "1")

    def test_a_provisioned_worker(self):
        self.assert_kept_every_rule({"tasks": [add(1, 2)]}, worker_id="01890000-0000-7000-8000-000000000001")


class ControllerOnStage(Programs):
    """A running distworker-controller, and tasks for it."""

    def setUp(self):
        super().setUp()
        queues = "math.add,demo.sleep,demo.fail,demo.echo,field"
        self.controller = self.start(
            os.environ["CONTROLLER_PROGRAM"], "--api-port", 0, "--worker-port", 0, "--provisioner",
            f"tests:@{self.token}:{queues}", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.urls = dict(self.controller.stdout.readline().split() for _ in range(2))

    def worker(self, program, count, *options, token=None):
        return self.start(sys.executable, HERE / program, "--controller", self.urls["worker"], "--provisioner", "tests",
                          "--token-file", token or self.token, "--count", count, "--deadline", DEADLINE_S, *options,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def run_task(self, queue, task_input, **more):
        body = json.dumps({"queue": queue, "input": task_input, **more}).encode()
        request = urllib.request.Request(self.urls["api"] + f"/api/v1/tasks?wait={DEADLINE_S * 1000}", body,
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            return json.load(answer)

    def run_tasks(self, *tasks):
        """All at once, so that no worker leaves before the last; their ends, in order."""
        ends = [None] * len(tasks)

        def one(index):
            try:
                ends[index] = self.run_task(*tasks[index])
            except (OSError, http.client.HTTPException) as error:
                ends[index] = {"error": {"code": str(error)}}

        threads = [threading.Thread(target=one, args=(index,)) for index in range(len(tasks))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return ends


class ControllerWithThePeer(ControllerOnStage):
    """distworker-controller; worker_peer.py judges every frame that it sends."""

    def test_tasks_of_all_kinds(self):
        worker = self.worker("worker_peer.py", 5)
        text = "x" * (4 << 20)
        added, slept, failed, echoed, large = self.run_tasks(
            ("math.add", {"operation": "add", "a": 1, "b": 2}), ("demo.sleep", {"ms": 40, "steps": 4}),
            ("demo.fail", {"message": "no luck"}), ("demo.echo", {"list": [1, None, True, {"deep": [[]]}]}),
            ("demo.echo", {"text": text}))
        self.assertEqual(added["result"], {"result": 3})
        self.assertEqual(slept["result"], {"slept_ms": 40})
        self.assertEqual((failed["error"]["code"], failed["error"]["message"]), ("HANDLER_ERROR", "RuntimeError: no luck"))
        self.assertEqual(echoed["result"], {"list": [1, None, True, {"deep": [[]]}]})
        self.assertEqual(large["result"], {"text": text})
        output = worker.communicate(timeout=DEADLINE_S)[0]
        self.assertEqual(worker.returncode, 0, output)

    def test_a_wrong_token_is_refused(self):
        other = self.folder / "other"
        other.write_text("another-token-of-the-test")
        worker = self.worker("worker_peer.py", 1, token=other)
        output = worker.communicate(timeout=DEADLINE_S)[0]
        self.assertEqual(worker.returncode, 3, output)

    def test_a_retry_reaches_the_same_worker_again(self):
        worker = self.worker("worker_peer.py", 3)
        task = self.run_task("demo.fail", {"message": "no luck"}, retry=2)
        self.assertEqual((task["error"]["code"], task["retried"]), ("HANDLER_ERROR", 2))
        output = worker.communicate(timeout=DEADLINE_S)[0]
        self.assertEqual(worker.returncode, 0, output)


class ControllerWithThePublishedSdk(ControllerOnStage):
    """distworker-controller and what runs in the field today."""

    def test_tasks_of_all_kinds(self):
        worker = self.worker("published_sdk.py", 3, "--cache", os.environ["PEER_CACHE"])
        ends = []
        tasks = threading.Thread(target=lambda: ends.extend(self.run_tasks(
            ("field", {"operation": "add", "a": 1, "b": 2}), ("field", {"operation": "progress", "steps": 3}),
            ("field", {"operation": "fail", "message": "no luck"}))), daemon=True)
        tasks.start()
        output = worker.communicate(timeout=4 * DEADLINE_S)[0]
        if worker.returncode == 77:
            self.skipTest(output.strip().splitlines()[-1].removeprefix("skipped: "))
        self.assertEqual(worker.returncode, 0, output)
        tasks.join()
        self.assertEqual([end.get("result") for end in ends[:2]], [{"result": 3}, {"steps": 3}])
        self.assertEqual(ends[2]["error"]["code"], "HANDLER_ERROR")


if __name__ == "__main__":
    unittest.main()
