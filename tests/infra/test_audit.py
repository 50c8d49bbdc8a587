"""Known vulnerabilities are found and fail the audit; without a service it says that none was."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from requirements import audit
from requirements.audit import Accepted, NotAudited, Package, Vulnerability, verdict

TODAY = date(2026, 3, 2)
BAD = Package(
    name="jinja2",
    version="2.4.1",
    vulns=(Vulnerability(id="PYSEC-1", aliases=("CVE-1",), fix_versions=("2.7.3",)),),
)
GOOD = Package(name="six", version="1.17.0")
UNKNOWN = Package(name="jinja2", skip_reason="not found")
ENTRY = {"id": "CVE-1", "package": "jinja2", "until": TODAY, "reason": "Not reached."}
EXCEPTION = Accepted.model_validate(ENTRY)
ADVISORY = {
    "id": "PYSEC-2014-8",
    "aliases": ["CVE-2014-1402"],
    "affected": [
        {
            "package": {"name": "jinja2", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.7.3"}]}],
        }
    ],
}


class Advisories(BaseHTTPRequestHandler):
    """OSV, as far as pip-audit asks: it knows one advisory, on one package."""

    def do_POST(self) -> None:
        """Answers which vulnerabilities the package in question has."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = {"vulns": [ADVISORY]} if asked["package"]["name"] == "jinja2" else {}
        answer = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def osv() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Advisories) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock.txt"
    digest = "--hash=sha256:" + "0" * 64
    path.write_text(f"jinja2==2.4.1 {digest}\nsix==1.17.0 {digest}\n")
    return path


def of_osv(url: str) -> tuple[str, ...]:
    return ("--vulnerability-service=osv", f"--osv-url={url}")


def test_a_known_vulnerability_is_found_in_the_lock_and_told_with_its_remedy(
    osv: str, lock: Path
) -> None:
    found = audit.audit(lock, [], [of_osv(osv)])
    assert found.audited == 2
    [wrong] = found.wrong
    assert wrong == "jinja2 2.4.1: PYSEC-2014-8, CVE-2014-1402 (mended in 2.7.3: make lock)"


def test_the_next_service_is_asked_where_one_is_out_of_reach(osv: str, lock: Path) -> None:
    away = of_osv("http://127.0.0.1:1/v1/query")
    assert audit.audit(lock, [], [away, of_osv(osv)]).audited == 2
    with pytest.raises(NotAudited):
        audit.audit(lock, [], [away])


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--required"], 1)])
def test_an_audit_that_reached_nobody_says_so_and_fails_where_it_is_required(
    arguments: list[str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(audit, "findings", lambda lock, services: iter([[UNKNOWN]]))
    assert audit.main(arguments) == code
    assert "NOT AUDITED" in capsys.readouterr().err


@pytest.mark.parametrize(("found", "code"), [([GOOD], 0), ([GOOD, BAD], 1)])
def test_an_audit_fails_for_a_known_vulnerability_alone(
    found: list[Package], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "findings", lambda lock, services: iter([found]))
    assert audit.main([]) == code


def test_a_service_that_knows_no_package_at_all_gives_no_all_clear() -> None:
    with pytest.raises(NotAudited):
        verdict([UNKNOWN], [], TODAY)


def test_a_package_that_the_service_does_not_know_is_told() -> None:
    [wrong] = verdict([GOOD, UNKNOWN], [], TODAY).wrong
    assert wrong == "jinja2: could not be audited: not found"


def test_what_is_accepted_passes_up_to_its_last_day() -> None:
    assert verdict([BAD], [EXCEPTION], TODAY).wrong == []
    [wrong] = verdict([BAD], [EXCEPTION], TODAY + timedelta(days=1)).wrong
    assert "it was accepted until 2026-03-02" in wrong


def test_what_is_accepted_is_so_for_its_package_alone() -> None:
    elsewhere = EXCEPTION.model_copy(update={"package": "six"})
    assert len(verdict([BAD], [elsewhere], TODAY).wrong) == 2


def test_what_is_accepted_and_not_there_is_told() -> None:
    [wrong] = verdict([GOOD], [EXCEPTION], TODAY).wrong
    assert wrong == "jinja2: CVE-1 is accepted, but was not found"


@pytest.mark.parametrize("missing", list(ENTRY))
def test_an_exception_has_a_reason_and_an_end(missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        Accepted.model_validate({name: ENTRY[name] for name in ENTRY if name != missing})


def test_the_file_of_what_is_accepted_can_be_read() -> None:
    assert all(one.reason for one in audit.read_accepted())
