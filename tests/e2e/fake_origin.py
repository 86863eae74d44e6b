"""A small origin that speaks OpenAI's API, and does wrong what a test asks for.

What a request says decides: `fault:NAME` in the last message, or in the input, is done by the method of that name.
Ids, times and `x-request-id` are fresh in every answer, as those of real servers are.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import struct
import threading
import time
import zlib


def png(color: int) -> bytes:
    """A whole picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(bytes([0, color, color, color]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


class Answer:
    """Writes one answer, whole or in pieces."""

    def __init__(self, writer: asyncio.StreamWriter):
        self.writer = writer

    async def head(self, status: str, *headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"x-request-id: req_{secrets.token_hex(12)}", "set-cookie: session=first; HttpOnly"]
        self.writer.write("\r\n".join([*lines, *headers, "", ""]).encode())
        await self.writer.drain()

    async def whole(self, status: str, kind: str, body: bytes, *headers: str) -> None:
        await self.head(status, f"content-type: {kind}", f"content-length: {len(body)}", *headers)
        self.writer.write(body)
        await self.writer.drain()

    async def json(self, document, status: str = "200 OK", *headers: str) -> None:
        await self.whole(status, "application/json", json.dumps(document).encode(), *headers)

    async def chunk(self, data: bytes) -> None:
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()

    async def end(self) -> None:
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()


class FakeOrigin:
    """`calls` counts the requests that came, by path; `hang_ups` those whose client left before the end."""

    def __init__(self, pieces: int = 10, pause: float = 0.0):
        self.pieces = pieces
        self.pause = pause
        self.calls: dict[str, int] = {}
        self.hang_ups = 0
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.model = "m-1"
        self.is_down = False
        self.props_status = "200 OK"
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, path: str) -> int:
        return self.calls.get(path, 0)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                body = await self._body(reader, head)
                self.heads.append(head)
                self.bodies.append(body)
                path = head.split(" ")[1].split("?")[0]
                self.calls[path] = self.calls.get(path, 0) + 1
                answering = asyncio.ensure_future(self._answer(Answer(writer), path, body))
                gone = asyncio.ensure_future(reader.read(1))
                await asyncio.wait([answering, gone], return_when=asyncio.FIRST_COMPLETED)
                if not answering.done():
                    self.hang_ups += 1
                    answering.cancel()
                    return
                answering.result()
                if gone.done():
                    return
                gone.cancel()
                try:
                    await gone
                except asyncio.CancelledError:
                    pass
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            return
        finally:
            writer.close()

    @staticmethod
    async def _body(reader: asyncio.StreamReader, head: str) -> bytes:
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        if fields.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
            return body
        return await reader.readexactly(int(fields.get("content-length", 0)))

    async def _answer(self, answer: Answer, path: str, body: bytes) -> None:
        if path == "/props":
            return await answer.json({"model": self.model, "up": time.time()}, self.props_status)
        if path == "/api/tags":
            return await answer.json({"models": [{"name": "m", "digest": self.model}]})
        document = json.loads(body) if body[:1] == b"{" else {}
        text = self._text(document)
        if self.is_down:
            return await self.broken(answer, document)
        if text.startswith("fault:"):
            return await getattr(self, text.removeprefix("fault:").split(" ")[0])(answer, document)
        if text.startswith("slow"):
            await asyncio.sleep(0.5)
        if path == "/api/chat":
            return await self.ollama_chat(answer, document, text)
        if path.endswith("/chat/completions"):
            return await self.chat(answer, document, text)
        if path.endswith("/embeddings"):
            vector = [len(text) / 7, 0.25]
            return await answer.json({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": vector}],
                                      "model": "e", "usage": {"prompt_tokens": 1, "total_tokens": 1}})
        if path.endswith("/images/generations"):
            picture = base64.b64encode(png(len(text))).decode()
            return await answer.json({"created": int(time.time()), "data": [{"b64_json": picture}]})
        return await answer.json({"path": path, "length": len(body)})

    @staticmethod
    def _text(document) -> str:
        if not isinstance(document, dict):
            return ""
        if messages := document.get("messages"):
            content = messages[-1]["content"]
            return content if isinstance(content, str) else json.dumps(content)
        return str(document.get("input") or document.get("prompt") or "")

    # Chat.

    def completion(self, text: str, finish: str = "stop") -> dict:
        return {
            "id": f"chatcmpl-{secrets.token_hex(14)}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": f"You said {text}"}, "finish_reason": finish}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
        }

    async def chat(self, answer: Answer, document, text: str) -> None:
        if not document.get("stream"):
            return await answer.json(self.completion(text))
        await self.begin_stream(answer)
        frame = self.frames()
        for number in range(self.pieces):
            await answer.chunk(frame({"role": "assistant", "content": f"{text} {number} "}))
            await asyncio.sleep(self.pause)
        await answer.chunk(frame({}, "stop"))
        await answer.chunk(b"data: [DONE]\n\n")
        await answer.end()

    async def begin_stream(self, answer: Answer) -> None:
        await answer.head("200 OK", "content-type: text/event-stream", "cache-control: no-cache", "transfer-encoding: chunked")

    def frames(self):
        id, created = f"chatcmpl-{secrets.token_hex(14)}", int(time.time())

        def frame(delta, finish=None) -> bytes:
            chunk = {"id": id, "object": "chat.completion.chunk", "created": created, "model": "m",
                     "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
            return b"data: " + json.dumps(chunk).encode() + b"\n\n"

        return frame

    async def ollama_chat(self, answer: Answer, document, text: str) -> None:
        def line(content: str, **more) -> bytes:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            return json.dumps({"model": "m", "created_at": now, "message": {"role": "assistant", "content": content}, **more}).encode()

        end = {"done": True, "done_reason": "stop", "total_duration": 5, "eval_count": 3}
        if document.get("stream", True) is False:
            return await answer.whole("200 OK", "application/json; charset=utf-8", line(f"You said {text}", **end))
        await answer.head("200 OK", "content-type: application/x-ndjson", "transfer-encoding: chunked")
        for number in range(self.pieces):
            await answer.chunk(line(f"{text} {number} ", done=False) + b"\n")
        await answer.chunk(line("", **end) + b"\n")
        await answer.end()

    # Faults.

    async def busy(self, answer: Answer, _) -> None:
        await asyncio.sleep(0.1)
        await answer.json({"error": {"message": "slow down", "type": "rate_limit"}}, "429 Too Many Requests",
                          "retry-after: 7", "x-ratelimit-remaining-requests: 0", "x-should-retry: false")

    async def broken(self, answer: Answer, _) -> None:
        await answer.json({"error": {"message": "out of memory"}}, "500 Internal Server Error")

    async def error_in_200(self, answer: Answer, _) -> None:
        await answer.json({"error": {"message": "no such model"}})

    async def filtered(self, answer: Answer, _) -> None:
        await answer.json(self.completion("…", "content_filter"))

    async def no_choices(self, answer: Answer, _) -> None:
        await answer.json({**self.completion("x"), "choices": []})

    async def cut_json(self, answer: Answer, _) -> None:
        whole = json.dumps(self.completion("x")).encode()
        await answer.whole("200 OK", "application/json", whole[: len(whole) // 2])

    async def cut(self, answer: Answer, _) -> None:
        await answer.head("200 OK", "content-type: application/json", "content-length: 500")
        answer.writer.write(b'{"id": "chatcmpl-1", ')
        await answer.writer.drain()
        answer.writer.close()

    async def cut_stream(self, answer: Answer, _) -> None:
        await self.begin_stream(answer)
        await answer.chunk(self.frames()({"content": "half"}))
        answer.writer.close()

    async def no_end(self, answer: Answer, _) -> None:
        await self.begin_stream(answer)
        await answer.chunk(self.frames()({"content": "half"}))
        await answer.end()

    async def error_event(self, answer: Answer, _) -> None:
        await self.begin_stream(answer)
        await answer.chunk(self.frames()({"content": "half"}))
        await answer.chunk(b'data: {"error": {"message": "out of memory"}}\n\n')
        await answer.chunk(b"data: [DONE]\n\n")
        await answer.end()

    async def stall(self, answer: Answer, _) -> None:
        await answer.head("200 OK", "content-type: application/json", "content-length: 500")
        answer.writer.write(b'{"id": ')
        await answer.writer.drain()
        await asyncio.sleep(600)

    async def drip(self, answer: Answer, _) -> None:
        await answer.head("200 OK", "content-type: application/json", "content-length: 500")
        while True:
            answer.writer.write(b" ")
            await answer.writer.drain()
            await asyncio.sleep(0.2)

    async def endless(self, answer: Answer, _) -> None:
        await answer.head("200 OK", "content-type: application/json", "transfer-encoding: chunked")
        while True:
            await answer.chunk(b" " * 1_000_000)

    async def injection(self, answer: Answer, _) -> None:
        answer.writer.write(b"HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: c=d\r\nContent-Length: 2\r\n\r\n{}")
        await answer.writer.drain()
