"""Settings: what is read from where, and how a wrong value is refused."""

from __future__ import annotations

import tomllib
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from course_backfill.errors import InvalidInput
from course_backfill.resources import Resources, service_of_queue
from course_backfill.settings import Settings, environment_name
from course_backfill.settings_reference import markdown_table, settings_reference, toml_example

SECRET = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(environment_name(name), raising=False)
    monkeypatch.delenv("COURSE_BACKFILL_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def problems() -> dict[str, str]:
    with pytest.raises(InvalidInput) as refusal:
        Settings.load()
    return {problem.pointer: problem.detail for problem in refusal.value.problems}


def test_defaults_follow_from_the_namespace() -> None:
    settings = Settings(namespace="edx-prod")
    assert settings.work_bucket == "edx-prod-work"
    assert settings.primary.bucket == "edx-prod-primary"
    assert settings.primary.id == "primary"


def test_the_constructor_reads_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_BACKFILL_NAMESPACE", "from-environment")
    (tmp_path / "course-backfill.toml").write_text('namespace = "from-file"')
    assert Settings().namespace == "course-backfill"


def test_environment_wins_over_the_file_and_options_over_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "course-backfill.toml").write_text(
        'mongo_database = "file"\nnamespace = "file"\nverify = "checksums"\n'
    )
    monkeypatch.setenv("MONGO_DATABASE", "environment")
    monkeypatch.setenv("COURSE_BACKFILL_NAMESPACE", "environment")
    settings = Settings.load({"mongo_database": "option", "api_url": None})
    assert settings.mongo_database == "option"
    assert settings.namespace == "environment"
    assert settings.verify == "checksums"


def test_the_file_may_lie_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    elsewhere = tmp_path / "etc" / "settings.toml"
    elsewhere.parent.mkdir()
    elsewhere.write_text('namespace = "elsewhere"')
    monkeypatch.setenv("COURSE_BACKFILL_CONFIG", str(elsewhere))
    assert Settings.load().namespace == "elsewhere"


def test_lists_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_BACKFILL_CALLBACK_ALLOWED_HOSTS", "lms.example.org, localhost")
    monkeypatch.setenv("COURSE_BACKFILL_CALLBACK_ALLOWED_NETWORKS", "10.0.0.0/8,fd00::/8")
    monkeypatch.setenv("COURSE_BACKFILL_RESWEEP_SECONDS", "5,60")
    monkeypatch.setenv(
        "COURSE_BACKFILL_LOCATIONS", '[{"id": "primary", "bucket": "mine", "prefix": "edx/"}]'
    )
    settings = Settings.load()
    assert settings.callback_allowed_hosts == ("lms.example.org", "localhost")
    assert settings.callback_allowed_networks == (
        ip_network("10.0.0.0/8"),
        ip_network("fd00::/8"),
    )
    assert settings.resweep_seconds == (5, 60)
    assert (settings.primary.bucket, settings.primary.prefix) == ("mine", "edx/")


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGO_URI", "")
    assert Settings.load().mongo_uri is None


def test_every_wrong_setting_is_named_as_it_was_typed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "course-backfill.toml").write_text(
        'files_in_fligth = 3\npresign_seconds = 0\nmongo_uri = "mongodb://ok"\n'
    )
    monkeypatch.setenv("COURSE_BACKFILL_VERIFY", "maybe")
    monkeypatch.setenv("COURSE_BACKFILL_FILES_IN_FLIGHT", "ten")
    monkeypatch.setenv("COURSE_BACKFILL_NAMESPACE", "Not Allowed")
    monkeypatch.setenv("COURSE_BACKFILL_LEASE_SECOND", "5")
    monkeypatch.setenv("COURSE_BACKFILL_LOCATIONS", "[{")
    assert problems() == {
        "course-backfill.toml: files_in_fligth": "no such setting; did you mean files_in_flight?",
        "COURSE_BACKFILL_LEASE_SECOND": (
            "no such setting; did you mean COURSE_BACKFILL_LEASE_SECONDS?"
        ),
        "COURSE_BACKFILL_VERIFY": "expected 'bytes' or 'checksums'",
        "COURSE_BACKFILL_FILES_IN_FLIGHT": "expected a whole number",
        "COURSE_BACKFILL_NAMESPACE": "expected 3 to 40 lower-case letters, digits and hyphens",
        "COURSE_BACKFILL_LOCATIONS": "expected JSON",
        "course-backfill.toml: presign_seconds": "expected 1 or more",
    }


def test_what_a_location_is_to_be_like_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    location = '[{"id": "No Name", "bucket": "B", "prefix": "/x"}]'
    monkeypatch.setenv("COURSE_BACKFILL_LOCATIONS", location)
    found = problems()
    place = "COURSE_BACKFILL_LOCATIONS item 1"
    assert set(found) == {f"{place} id", f"{place} bucket", f"{place} prefix"}
    assert not [said for said in found.values() if "^" in said or "pattern" in said]
    assert "lower-case letters" in found[f"{place} id"]
    assert "end in /" in found[f"{place} prefix"]


@pytest.mark.parametrize("name", ["FOO", "XYZ", "PASSWORD", "COURSE"])
def test_a_name_that_is_like_no_setting_is_not_taken_for_one(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"COURSE_BACKFILL_{name}", "1")
    assert problems() == {f"COURSE_BACKFILL_{name}": "no such setting"}


def test_an_option_is_named_as_it_was_typed() -> None:
    with pytest.raises(InvalidInput, match="--mongo-uri: expected a URI that begins with"):
        Settings.load({"mongo_uri": "localhost:27017"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MONGO_URI", f"postgres://root:{SECRET}@db"),
        ("AWS_ENDPOINT_URL", f"http://root:{SECRET}@localhost"),
        ("AWS_ENDPOINT_URL", f"http://[{SECRET}"),
        ("COURSE_BACKFILL_CALLBACK_SECRET", SECRET),
        ("COURSE_BACKFILL_LOCATIONS", f'["{SECRET}"'),
    ],
)
def test_no_refusal_repeats_a_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    found = problems()
    assert list(found) == [variable]
    assert SECRET not in str(found)


def test_a_broken_file_is_refused_without_quoting_it(tmp_path: Path) -> None:
    (tmp_path / "course-backfill.toml").write_text(f'api_token = "{SECRET}\n')
    found = problems()
    assert list(found) == ["course-backfill.toml"]
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ('namespace = "a"\napi_token = "x\n', "line 2, column"),
        ('namespace = "a"\n\nfiles_in_flight 3\n', "line 3, column"),
        ("files_in_flight = [1, 2", "end of document"),
    ],
)
def test_a_broken_file_is_refused_with_the_place_where_it_breaks(
    tmp_path: Path, content: str, place: str
) -> None:
    (tmp_path / "course-backfill.toml").write_text(content)
    assert f"it breaks at {place}" in problems()["course-backfill.toml"]


def test_a_file_of_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "course-backfill.toml").write_bytes('namespace = "ä"'.encode("latin-1"))
    assert problems() == {"course-backfill.toml": "expected a TOML file, which is UTF-8"}


def test_a_named_file_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_BACKFILL_CONFIG", "nowhere.toml")
    assert list(problems()) == ["COURSE_BACKFILL_CONFIG"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("COURSE_BACKFILL_LEASE_SECONDS", "30", "fewer seconds than visibility_seconds"),
        ("COURSE_BACKFILL_RESWEEP_SECONDS", "60,60", "larger than the one before"),
        ("COURSE_BACKFILL_KEPT_FAILURE_DAYS", "40", "expected 28 or less"),
        ("COURSE_BACKFILL_LOCATIONS", '[{"id": "b", "bucket": "bbb"}]', 'the id "primary"'),
        ("COURSE_BACKFILL_WORK_BUCKET", "UPPER", "the name of an S3 bucket"),
    ],
)
def test_values_that_would_break_promises_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    assert expected in problems()[name]


def test_a_place_inside_a_list_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_BACKFILL_LOCATIONS", '[{"bucket": "abc", "prefix": "edx"}]')
    assert list(problems()) == ["COURSE_BACKFILL_LOCATIONS item 1 prefix"]


def test_secrets_do_not_show() -> None:
    settings = Settings(
        mongo_uri=f"mongodb://u:{SECRET}@db",  # type: ignore[arg-type]  # As sources give it.
        api_token=SECRET,  # type: ignore[arg-type]  # As sources give it.
    )
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_settings_are_frozen() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.namespace = "other"


def test_what_is_required_and_not_set_is_named() -> None:
    with pytest.raises(InvalidInput, match="MONGO_URI: is not set; COURSE_BACKFILL_API_TOKEN"):
        Settings(namespace="abc").require("mongo_uri", "namespace", "api_token")


def test_the_reference_explains_every_setting() -> None:
    for one in settings_reference():
        assert one.description.endswith("."), one.key
        assert f"`{one.variable}`" in markdown_table()


def test_the_example_file_uncommented_gives_the_defaults(tmp_path: Path) -> None:
    lines = [line.removeprefix("# ") for line in toml_example().splitlines() if " = " in line]
    example = tomllib.loads("\n".join(lines))
    unset = {one.key for one in settings_reference() if not one.default}
    assert Settings(**{key: example[key] for key in example.keys() - unset}) == Settings()
    assert set(example) == set(Settings.model_fields)
    numbers = {key: example[key] for key in unset if not isinstance(example[key], str)}
    assert numbers
    assert Settings(**numbers).model_dump(include=set(numbers)) == numbers


def test_every_queue_is_found_again_by_its_name() -> None:
    resources = Resources.of(Settings(namespace="edx-replicator"))
    for queue in resources.queues:
        assert service_of_queue("edx-replicator", queue.name) == (queue.service, False)
        assert service_of_queue("edx-replicator", queue.dead_letters) == (queue.service, True)
    with pytest.raises(KeyError):
        service_of_queue("edx-replicator", "other-planner")


def test_the_documented_settings_are_these_settings() -> None:
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    assert markdown_table() in page
    assert toml_example() in page


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("MONGO_URI", "MONGO_URI_SECRET_NAME"),
        ("COURSE_BACKFILL_CALLBACK_SECRET", "COURSE_BACKFILL_CALLBACK_SECRET_NAME"),
    ],
)
def test_a_secret_is_given_or_named_but_not_both(
    monkeypatch: pytest.MonkeyPatch, value: str, name: str
) -> None:
    monkeypatch.setenv(value, f"mongodb://u:{SECRET}@db")
    monkeypatch.setenv(name, "backfill/secret")
    assert problems() == {name: f"expected either this or {value}, not both"}
    monkeypatch.delenv(value)
    named = Settings.load()
    assert "backfill/secret" in (named.mongo_uri_secret_name, named.callback_secret_name)


@pytest.mark.parametrize(
    ("variable", "wrong", "sentence"),
    [
        ("MONGO_URI_SECRET_NAME", "two words", "expected the name or ARN of a secret in AWS"),
        (
            "MONGO_URI_SECRET_NAME",
            "mongodb://u:hunter2@db/",
            "expected the name or ARN of a secret",
        ),
        ("COURSE_BACKFILL_EVENT_BUS", "a bus?", "expected the name or ARN of an EventBridge bus"),
    ],
)
def test_names_of_aws_are_shaped_as_aws_takes_them(
    monkeypatch: pytest.MonkeyPatch, variable: str, wrong: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, wrong)
    assert problems()[variable].startswith(sentence)
