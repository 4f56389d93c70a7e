"""The files for running in containers name only what the program has. Docker itself is not needed, and is not tried."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from typing import Any, cast

import click
import pytest
import yaml

from bot.__main__ import COMMANDS, cli
from bot.config import Settings, setting_names
from bot.web import probes
from bot.worker import STOP_SECONDS

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parent.parent
OURS = {*setting_names(), "SITE_ADDRESS"}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
BOTS = {name: service for name, service in SERVICES.items() if service.get("build")}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
CADDY = (ROOT / "deploy/Caddyfile").read_text()


def names_in(env_file: str) -> set[str]:
    return set(re.findall(r"^(\w+)=", (ROOT / env_file).read_text(), re.MULTILINE))


def test_every_setting_that_is_named_is_one_of_ours() -> None:
    for name, service in BOTS.items():
        assert set(service["environment"]) <= set(setting_names()), name
    assert names_in(".env.example") <= OURS
    assert set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text())) <= OURS
    assert set(re.findall(r"\b((?:BOT|OPENAI|WHATSAPP|MONGODB|REDIS)_\w+)", DOCKERFILE)) <= OURS
    assert set(re.findall(r"\{\$(\w+)", CADDY)) <= OURS


def test_the_settings_that_are_given_are_right() -> None:
    for service in BOTS.values():
        given = {name: value for name, value in service["environment"].items() if "${" not in value}
        assert Settings(_env_file=None, **given).is_shared


def test_two_webs_and_two_workers_run_commands_that_there_are() -> None:
    commands = sorted(tuple(service["command"]) for service in BOTS.values())
    assert commands == [("serve", "--no-worker")] * 2 + [("work",)] * 2
    context = click.Context(cli)
    for name, *options in commands:
        command = cli.get_command(context, name)
        assert command is not None
        command.make_context(name, list(options), resilient_parsing=False)
    [default] = re.findall(r'^CMD \["(\w+)"\]', DOCKERFILE, re.MULTILINE)
    assert default in COMMANDS


def test_ports_and_hosts_agree() -> None:
    [port] = {service["environment"]["BOT_PORT"] for service in BOTS.values()}
    assert f"EXPOSE {port}" in DOCKERFILE
    assert f"BOT_PORT={port} " in DOCKERFILE
    upstreams = re.findall(r"reverse_proxy (.*) \{", CADDY)[0].split()
    webs = [name for name, service in BOTS.items() if service["command"][0] == "serve"]
    assert upstreams == [f"{web}:{port}" for web in webs]
    assert set(SERVICES["proxy"]["depends_on"]) == set(webs)
    asked = re.findall(r"health_uri (\S+)", CADDY) + re.findall(r"\['BOT_PORT'\] \+ '(\S+?)'", DOCKERFILE)
    served = Path(probes.__file__).read_text()
    assert len(asked) == 2
    assert all(f'"{path}"' in served for path in asked)


def test_a_worker_is_asked_for_its_health_where_it_listens() -> None:
    for service in (service for service in BOTS.values() if service["command"][0] == "work"):
        assert f"127.0.0.1:{service['environment']['BOT_METRICS_PORT']}/healthz" in service["healthcheck"]["test"][-1]


def test_the_replica_set_that_is_begun_is_the_one_that_is_asked_for() -> None:
    mongo = SERVICES["mongo"]
    name = mongo["command"][mongo["command"].index("--replSet") + 1]
    begins = mongo["healthcheck"]["test"][-1]
    [uri] = {service["environment"]["MONGODB_URI"] for service in BOTS.values()}
    assert f'_id: "{name}"' in begins
    assert 'host: "mongo:27017"' in begins
    assert uri == f"mongodb://mongo:27017/?replicaSet={name}"
    assert all(service["depends_on"]["mongo"]["condition"] == "service_healthy" for service in BOTS.values())


def test_redis_keeps_nothing_on_disk_and_throws_nothing_away() -> None:
    assert SERVICES["redis"]["command"] == [
        *("redis-server", "--save", "", "--appendonly", "no"),
        *("--maxmemory-policy", "noeviction"),
    ]


def test_a_worker_has_time_to_finish_what_it_has_begun() -> None:
    for service in BOTS.values():
        assert int(service["stop_grace_period"].removesuffix("s")) >= STOP_SECONDS + 10


def test_what_the_image_is_built_of_is_there_and_not_kept_out() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [
        source
        for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
        for source in cast(str, sources).split()
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(fnmatch.fnmatch(source, pattern) for pattern in kept), source
    assert re.search(r"^USER (?!root)", DOCKERFILE, re.MULTILINE)


def test_no_secret_is_in_them() -> None:
    given = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert {name for name, value in given.items() if value} == {"SITE_ADDRESS"}
