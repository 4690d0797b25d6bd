"""The HTTP API for administrators, tried by programs that know it from its own description alone."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

from support.servers import RoostServer

from .claims import claim
from .client import Scene, expect

# Example requests for an operation; a run over every operation stays within two minutes.
EXAMPLES = 50
SECONDS = 110


class Api:
    """A server of its own: what is tried here destroys."""

    def __init__(self, scene: Scene) -> None:
        host = scene.host
        if not isinstance(host, RoostServer):
            expect(False, f"{host.name} has no such API")
        # schemathesis shows wrong tokens for every operation.
        self.host = RoostServer(host.offset + 600, [("admin", "failed_logins_per_address", "10000")])
        self.url = f"https://localhost:{8443 + self.host.offset}"

    async def __aenter__(self) -> Api:
        await asyncio.to_thread(self.host.prepare, ["romeo", "juliet"])
        await self.host.start()
        return self

    async def __aexit__(self, *unused: object) -> None:
        self.host.remove()

    async def token(self, role: str, *options: str) -> str:
        made = await asyncio.to_thread(
            self.host.run, "token", "create", "interop", "--role", role, *options, "--config", str(self.host.config))
        return made.strip()

    async def ask(self, method: str, path: str, token: str | None = None, body: object = None,
                  **headers: str) -> tuple[int, dict[str, str], object]:
        """Status, headers in lower case and JSON body of one request."""
        request = urllib.request.Request(self.url + "/api/v1" + path, method=method, headers=dict(headers))
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        trust = ssl.create_default_context(cafile=str(self.host.certificate()))

        def run() -> tuple[int, dict[str, str], object]:
            try:
                with urllib.request.urlopen(request, context=trust, timeout=30) as answer:
                    text = answer.read()
                    return answer.status, {k.lower(): v for k, v in answer.headers.items()}, json.loads(text or "null")
            except urllib.error.HTTPError as refused:
                return refused.code, {k.lower(): v for k, v in refused.headers.items()}, json.loads(refused.read() or "null")

        return await asyncio.to_thread(run)


@claim("the administrators' API over HTTPS lets in who has a token, as far as the token goes, and tells of it in the audit")
async def tokens(scene: Scene) -> None:
    async with Api(scene) as api:
        status, headers, problem = await api.ask("GET", "/users")
        expect(status == 401 and headers["content-type"] == "application/problem+json", f"{status} {problem}")
        auditor, desk = await api.token("auditor"), await api.token("help-desk", "--scope", "sessions")
        status, _, users = await api.ask("GET", "/users", auditor)
        expect(status == 200 and {user["jid"] for user in users["items"]} >= {"romeo@localhost", "juliet@localhost"},
               f"{status} {users}")
        expect((await api.ask("DELETE", "/users/romeo@localhost", auditor))[0] == 403, "an auditor removes accounts")
        expect((await api.ask("GET", "/users", desk))[0] == 403, "a token goes beyond its scope")
        expect((await api.ask("GET", "/sessions", desk))[0] == 200, "a token does not reach its scope")
        _, _, audit = await api.ask("GET", "/audit?outcome=refused", auditor)
        refused = [(entry["who"], entry["operation"], entry["target"]) for entry in audit["items"]]
        expect(("token:interop", "users.delete", "romeo@localhost") in refused, f"{refused}")
        told = await asyncio.to_thread(api.host.run, "audit", "--refused", "--config", str(api.host.config))
        expect("users.delete" in told and "romeo@localhost" in told, told)


@claim("an account is made, changed only as it is known, and removed through the API; a repeated request is done once")
async def account(scene: Scene) -> None:
    async with Api(scene) as api:
        token = await api.token("administrator")
        body = {"jid": "mercutio@localhost", "password": "queen mab"}
        first = await api.ask("POST", "/users", token, body, **{"Idempotency-Key": "1"})
        again = await api.ask("POST", "/users", token, body, **{"Idempotency-Key": "1"})
        expect(first[0] == again[0] == 201 and first[2] == again[2], f"{first} {again}")
        expect((await api.ask("POST", "/users", token, body))[0] == 409, "made twice")
        _, headers, _ = await api.ask("GET", "/users/mercutio@localhost", token)
        tag = headers["etag"]
        changed = await api.ask("PATCH", "/users/mercutio@localhost", token, {"name": "M."}, **{"If-Match": tag})
        stale = await api.ask("PATCH", "/users/mercutio@localhost", token, {"name": "N."}, **{"If-Match": tag})
        expect((changed[0], stale[0]) == (200, 412), f"{changed} {stale}")
        expect((await api.ask("DELETE", "/users/mercutio@localhost", token))[0] == 204, "not removed")
        listed = await asyncio.to_thread(api.host.run, "user", "list", "--config", str(api.host.config))
        expect("mercutio" not in listed, listed)


@claim("the API does what its own OpenAPI description says, whatever schemathesis sends", limit=400)
async def description(scene: Scene) -> None:
    program = Path(sys.executable).with_name("st")
    if not program.exists():
        found = shutil.which("st")
        expect(found is not None, "schemathesis is not installed (Tests/requirements.txt)")
        program = Path(found)
    async with Api(scene) as api:
        token = await api.token("superuser")
        process = await asyncio.create_subprocess_exec(
            str(program), "run", api.url + "/api/v1/openapi.json", "--header", f"Authorization: Bearer {token}",
            "--tls-verify", str(api.host.certificate()), "--max-examples", str(EXAMPLES), "--max-time", str(SECONDS),
            "--phases", "examples,coverage,fuzzing", "--checks", CHECKS, "--workers", "2", "--generation-database",
            "none", "--suppress-health-check", "all", "--continue-on-failure", "--no-color", "--warnings", "off",
            cwd=api.host.directory, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        told, _ = await asyncio.wait_for(process.communicate(), SECONDS + 60)
        text = told.decode(errors="replace")
        (api.host.directory / "schemathesis.txt").write_text(text)
        expect(process.returncode == 0, text[-6000:])
        expect(api.host.is_running(), api.host.log_end())
        # Over the socket: among what was sent may have been the end of the token.
        await asyncio.to_thread(api.host.run, "status", "--config", str(api.host.config))


# Everything it knows, without what a server cannot promise: that every value within a schema is an account or a
# setting that exists.
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
          "response_headers_conformance,negative_data_rejection,missing_required_header,unsupported_method,ignored_auth")
