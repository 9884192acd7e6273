"""A worker inside asyncio, on the C interface by ctypes: no build, no package.

    async def main():
        async with Worker(library, controller=..., provisioner=..., token_file=...) as worker:
            worker.on("math.add", lambda task: {"result": task["a"] + task["b"]})
            await worker.ended
"""

import asyncio
import ctypes
from ctypes import POINTER, Structure, byref, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64
from ctypes import c_void_p

ASSIGNED, DISCONNECTED, STOPPED, IDLE = 6, 12, 13, 0
NUMBER, STRING, BOOLEAN, OBJECT, LIST = 1, 2, 3, 4, 5


class Text(Structure):
    _fields_ = [("data", c_void_p), ("size", c_size_t)]

    def __str__(self):
        return ctypes.string_at(self.data, self.size).decode() if self.size else ""


class Value(Structure):
    _fields_ = [("kind", c_int32), ("boolean", c_int32), ("number", c_double), ("text", Text)]


class Delivery(Structure):
    _fields_ = [("slot", c_uint32), ("generation", c_uint32), ("serial", c_uint64)]


class TaskInfo(Structure):
    _fields_ = [("delivery", Delivery), ("id", Text), ("queue", Text), ("input", Value), ("metadata", Value),
                ("deadline_ns", c_int64)]


class Event(Structure):
    _fields_ = [("size", c_uint32), ("kind", c_int32), ("slot", c_uint32), ("generation", c_uint32),
                ("deadline_ns", c_int64), ("text", Text), ("code", c_int32), ("reserved", c_uint32),
                ("delivery", Delivery), ("task", c_void_p)]


def load(path):
    """The library, its functions declared as far as they are used here."""
    library = ctypes.CDLL(path)
    for name, result, *arguments in (
        ("config_new", c_void_p),
        ("config_set", c_int, c_void_p, c_char_p, c_char_p, c_size_t),
        ("config_faults", c_char_p, c_void_p),
        ("config_free", None, c_void_p),
        ("value_next", c_int, Value, POINTER(c_size_t), POINTER(Text), POINTER(Value)),
        ("task_read", None, c_void_p, POINTER(TaskInfo)),
        ("task_free", None, c_void_p),
        ("answer_new", c_void_p, c_void_p),
        ("write_key", None, c_void_p, c_char_p, c_size_t),
        ("write_null", None, c_void_p),
        ("write_number", None, c_void_p, c_double),
        ("write_boolean", None, c_void_p, c_int),
        ("write_string", None, c_void_p, c_char_p, c_size_t),
        ("write_begin", None, c_void_p, c_int),
        ("write_end", None, c_void_p),
        ("write_failure", None, c_void_p, c_char_p, c_size_t, c_char_p, c_size_t),
        ("worker_new", c_int, c_void_p, POINTER(c_void_p)),
        ("worker_free", None, c_void_p),
        ("worker_descriptor", c_int, c_void_p),
        ("worker_timeout_ms", c_int, c_void_p),
        ("worker_step", c_int, c_void_p, POINTER(Event)),
        ("worker_complete", c_int, c_void_p, c_void_p),
        ("worker_stop", c_int, c_void_p, c_uint32),
    ):
        function = getattr(library, "dw_" + name)
        function.restype, function.argtypes = result, arguments
    return library


class Worker:
    """Joins a controller while its `async with` block lasts. Handlers are functions of the task's input."""

    def __init__(self, library, **settings):
        self._c = load(library)
        self._handlers = {}
        self._worker = c_void_p()
        self._timer = None
        config = self._c.dw_config_new()
        try:
            for name, value in settings.items():
                text = str(value).encode()
                self._c.dw_config_set(config, name.encode(), text, len(text))
            if self._c.dw_worker_new(config, byref(self._worker)) != 0:
                raise ValueError((self._c.dw_config_faults(config) or b"it cannot be made").decode())
        finally:
            self._c.dw_config_free(config)

    def on(self, queue, handler):
        self._handlers[queue] = handler

    def stop(self, drain_ms=25_000):
        """Finishes what runs; `ended` tells when."""
        self._c.dw_worker_stop(self._worker, drain_ms)
        self._step()

    async def __aenter__(self):
        self._loop = asyncio.get_running_loop()
        self.ended = self._loop.create_future()
        self._loop.add_reader(self._c.dw_worker_descriptor(self._worker), self._step)
        self._loop.call_soon(self._step)
        return self

    async def __aexit__(self, *_):
        self._loop.remove_reader(self._c.dw_worker_descriptor(self._worker))
        if self._timer is not None:
            self._timer.cancel()
        self._c.dw_worker_free(self._worker)

    def _step(self):
        if self.ended.done():
            return
        event = Event(size=ctypes.sizeof(Event))
        while self._c.dw_worker_step(self._worker, byref(event)) == 0 and event.kind != IDLE:
            if event.kind == ASSIGNED:
                self._run(event.task)
            elif event.kind == STOPPED:
                self.ended.set_result(str(event.text))
                return
        if self._timer is not None:
            self._timer.cancel()
        timeout = self._c.dw_worker_timeout_ms(self._worker)
        self._timer = self._loop.call_later(timeout / 1000, self._step) if timeout >= 0 else None

    def _run(self, task):
        info = TaskInfo()
        self._c.dw_task_read(task, byref(info))
        answer = self._c.dw_answer_new(task)
        try:
            self._members(answer, self._handlers[str(info.queue)](self._read(info.input)))
        except Exception as error:  # whatever it is, it is the task that fails
            message = f"{type(error).__name__}: {error}".encode()
            self._c.dw_write_failure(answer, b"HANDLER_ERROR", len(b"HANDLER_ERROR"), message, len(message))
        self._c.dw_worker_complete(self._worker, answer)
        self._c.dw_task_free(task)

    def _walk(self, container):
        position, key, item = c_size_t(0), Text(), Value()
        while self._c.dw_value_next(container, byref(position), byref(key), byref(item)):
            yield str(key), self._read(item)

    def _read(self, value):
        if value.kind == OBJECT:
            return dict(self._walk(value))
        if value.kind == LIST:
            return [item for _, item in self._walk(value)]
        return {NUMBER: value.number, STRING: str(value.text), BOOLEAN: bool(value.boolean)}.get(value.kind)

    def _members(self, writer, members):
        for key, value in members.items():
            name = key.encode()
            self._c.dw_write_key(writer, name, len(name))
            self._write(writer, value)

    def _write(self, writer, value):
        if value is None:
            self._c.dw_write_null(writer)
        elif isinstance(value, bool):
            self._c.dw_write_boolean(writer, value)
        elif isinstance(value, (int, float)):
            self._c.dw_write_number(writer, value)
        elif isinstance(value, str):
            text = value.encode()
            self._c.dw_write_string(writer, text, len(text))
        else:
            members = isinstance(value, dict)
            self._c.dw_write_begin(writer, OBJECT if members else LIST)
            if members:
                self._members(writer, value)
            else:
                for item in value:
                    self._write(writer, item)
            self._c.dw_write_end(writer)
