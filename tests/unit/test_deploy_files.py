"""Container, compose and Kubernetes files agree with the daemon, and with each other."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestkit_pdf.wire.topology import Topology
from ingestkit_pdfd.settings import ENV_PREFIX, DaemonSettings

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = DEPLOY / "compose"
KUBERNETES = DEPLOY / "kubernetes"
CONTAINERFILE = (DEPLOY / "container/Containerfile").read_text(encoding="utf-8")


def objects() -> dict[str, dict[str, Any]]:
    """Every Kubernetes object by kind; there is one of each."""
    names = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        for item in yaml.safe_load_all((KUBERNETES / name).read_text(encoding="utf-8")):
            assert item["kind"] not in found
            assert {"apiVersion", "metadata"} <= item.keys()
            found[item["kind"]] = item
    return found


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def settings_of(values: dict[str, Any]) -> DaemonSettings:
    """The settings that these values make; unknown or wrong ones raise."""
    return DaemonSettings(**values)


def kubernetes_settings() -> DaemonSettings:
    return settings_of(tomllib.loads(objects()["ConfigMap"]["data"]["config.toml"]))


def environment_settings(variables: dict[str, str]) -> DaemonSettings:
    ours = {name: value for name, value in variables.items() if name.startswith(ENV_PREFIX)}
    assert ours
    return settings_of({name.removeprefix(ENV_PREFIX).lower(): value for name, value in ours.items()})


def image_settings() -> dict[str, str]:
    return dict(re.findall(rf"({ENV_PREFIX}\w+)=(\S+)", CONTAINERFILE))


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_a_pod_is_given_longer_to_stop_than_it_drains() -> None:
    """Kubernetes would kill documents that the daemon had promised to finish."""
    pod = objects()["Deployment"]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > kubernetes_settings().drain_timeout + 5


def test_a_compose_container_is_given_longer_to_stop_than_it_drains() -> None:
    """Docker would kill documents that the daemon had promised to finish."""
    daemon = compose()["services"]["daemon"]
    settings = environment_settings({**image_settings(), **daemon["environment"]})
    assert seconds(daemon["stop_grace_period"]) > settings.drain_timeout + 5


def test_probes_ask_the_port_that_the_daemon_serves() -> None:
    """Every pod would be restarted for ever, or never count as ready."""
    (container,) = objects()["Deployment"]["spec"]["template"]["spec"]["containers"]
    (port,) = container["ports"]
    settings = kubernetes_settings()
    assert (port["containerPort"], settings.http_host) == (settings.http_port, "0.0.0.0")
    paths = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe["port"] for probe in paths.values()} == {port["name"]}
    assert paths["livenessProbe"]["path"] == paths["startupProbe"]["path"] == "/healthz"
    assert paths["readinessProbe"]["path"] == "/readyz"
    assert container["livenessProbe"]["timeoutSeconds"] > 2  # the daemon's own limit for the answer
    assert objects()["PodMonitor"]["spec"]["podMetricsEndpoints"][0]["port"] == port["name"]


def test_the_image_serves_the_port_that_compose_and_its_own_check_ask() -> None:
    """The container would be unhealthy from the start, and unseen by Prometheus."""
    settings = environment_settings(image_settings())
    assert settings.http_host == "0.0.0.0"
    assert f"EXPOSE {settings.http_port}" in CONTAINERFILE
    services = compose()["services"]
    assert f":{settings.http_port}/readyz" in services["daemon"]["healthcheck"]["test"][-1]
    scrape = yaml.safe_load((COMPOSE / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    assert scrape[0]["dns_sd_configs"][0]["port"] == settings.http_port
    assert scrape[0]["dns_sd_configs"][0]["names"] == ["daemon"]


def test_workers_fit_into_the_memory_and_processors_of_their_container() -> None:
    """The kernel would kill workers, or they would take turns on too few processors."""
    (container,) = objects()["Deployment"]["spec"]["template"]["spec"]["containers"]
    settings = kubernetes_settings()
    limits = container["resources"]["limits"]
    assert settings.workers == int(limits["cpu"])
    need = settings.workers * settings.worker_max_resident + 2**28
    assert int(limits["memory"].removesuffix("Gi")) * 2**30 > need
    compose_limit = int(compose()["services"]["daemon"]["mem_limit"].removesuffix("g")) * 2**30
    assert compose_limit > need


def test_the_scaler_looks_at_the_lane_that_is_consumed() -> None:
    """Pods would be added for another queue, or the scaler would fail on one that is not there."""
    (trigger,) = objects()["ScaledObject"]["spec"]["triggers"]
    settings = kubernetes_settings()
    (lane,) = settings.lanes
    assert trigger["metadata"]["queueName"] == Topology(settings.prefix).job_queue(lane).name
    (reference,) = objects()["TriggerAuthentication"]["spec"]["secretTargetRef"]
    volumes = objects()["Deployment"]["spec"]["template"]["spec"]["volumes"]
    (secret,) = [volume["secret"]["secretName"] for volume in volumes if "secret" in volume]
    assert (reference["name"], reference["key"]) == (secret, "amqp_url")
    assert "replicas" not in objects()["Deployment"]["spec"]


def test_objects_find_each_other() -> None:
    """A selector that fits nothing is accepted, and does nothing."""
    labels = {"app.kubernetes.io/name": "ingestkit-pdfd"}
    found = objects()
    assert found["Deployment"]["spec"]["template"]["metadata"]["labels"] == labels
    for kind in ("Deployment", "PodDisruptionBudget", "PodMonitor"):
        assert found[kind]["spec"]["selector"]["matchLabels"] == labels
    assert found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert found["ScaledObject"]["spec"]["scaleTargetRef"]["name"] == found["Deployment"]["metadata"]["name"]
    pod = found["Deployment"]["spec"]["template"]["spec"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == volumes


def test_the_rules_in_the_cluster_are_those_that_are_tested(tmp_path: Path) -> None:
    """An alert that was mended would stay as it was in every cluster."""
    for name in ("kubernetes/make-rules.sh", "prometheus/ingestkit-pdf.rules.yml"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes((DEPLOY / name).read_bytes())
    subprocess.run(["sh", str(tmp_path / "kubernetes/make-rules.sh")], check=True, timeout=20)
    made = (tmp_path / "kubernetes/prometheusrule.yaml").read_text(encoding="utf-8")
    assert made == (KUBERNETES / "prometheusrule.yaml").read_text(encoding="utf-8"), "run make-rules.sh"
    rules = yaml.safe_load((DEPLOY / "prometheus/ingestkit-pdf.rules.yml").read_text(encoding="utf-8"))
    assert objects()["PrometheusRule"]["spec"] == rules


def test_only_the_status_port_is_open_in_the_cluster() -> None:
    """Every pod of the cluster could ask the daemon, or Prometheus could not."""
    (container,) = objects()["Deployment"]["spec"]["template"]["spec"]["containers"]
    policy = objects()["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    (rule,) = policy["ingress"]
    assert [port["port"] for port in rule["ports"]] == [port["name"] for port in container["ports"]]
    assert rule["from"]


def test_the_daemon_runs_with_no_rights() -> None:
    """A document that takes over a worker would find more than the worker needs."""
    pod = objects()["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    user = re.findall(r"^USER (\d+)$", CONTAINERFILE, re.MULTILINE)
    assert user == [str(pod["securityContext"]["runAsUser"])]
    daemon = compose()["services"]["daemon"]
    assert daemon["read_only"]
    assert daemon["cap_drop"] == ["ALL"]


def test_ports_of_the_compose_file_are_open_to_this_host_only() -> None:
    """Trying it out would put a broker on the network."""
    for service in compose()["services"].values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), port


def test_what_the_compose_file_mounts_is_there() -> None:
    """Docker makes an empty folder of a path that is missing, and the service fails without a word."""
    loaded = compose()
    for service in loaded["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in loaded["volumes"] or (COMPOSE / source).exists(), mount
        for secret in service.get("secrets", []):
            assert (secret if isinstance(secret, str) else secret["source"]) in loaded["secrets"]
    assert (COMPOSE / loaded["services"]["daemon"]["build"]["context"] / "pyproject.toml").exists()


def test_the_secrets_that_are_made_are_those_that_are_mounted(tmp_path: Path) -> None:
    """Compose would refuse to start for want of a file."""
    made, again = (_secrets(tmp_path) for _ in range(2))
    assert again == made
    files = {secret["file"] for secret in compose()["secrets"].values()}
    assert made.keys() - files == {"./secrets/producer_url"}
    assert files <= made.keys()
    assert (tmp_path / "compose/secrets").stat().st_mode & 0o077 == 0


def test_each_service_of_the_compose_file_has_the_broker_user_that_it_needs(tmp_path: Path) -> None:
    """A daemon that is taken over could delete queues, and read what others have in the broker."""
    made = _secrets(tmp_path)
    users = {user["name"]: user for user in json.loads(made["./secrets/definitions.json"])["users"]}
    assert {len(user["password"]) for user in users.values()} == {48}
    assert not any("password_hash" in user for user in users.values())
    services = compose()["services"]
    for service, role in (("daemon", "daemon"), ("topology", "operator")):
        (secret,) = services[service]["secrets"]
        assert secret["target"] == "amqp_url"
        url = made[compose()["secrets"][secret["source"]]["file"]]
        name = f"ingestkit-pdf-{role}"
        assert url == f"amqp://{name}:{users[name]['password']}@broker:5672/ingestkit-pdf"
        settings_of({"amqp_url": url})
    (definitions,) = services["broker"]["secrets"]
    assert f"load_definitions = {definitions['target']}" in (COMPOSE / "rabbitmq.conf").read_text()


def _secrets(folder: Path) -> dict[str, str]:
    for name in ("compose/make-secrets.sh", "rabbitmq/definitions.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((DEPLOY / name).read_bytes())
    script = folder / "compose/make-secrets.sh"
    subprocess.run(["sh", str(script)], check=True, capture_output=True, timeout=20)
    return {f"./secrets/{path.name}": path.read_text() for path in (script.parent / "secrets").iterdir()}


def test_images_have_plain_names_and_a_version() -> None:
    """A build would take another base tomorrow, or need a registry that the reader does not have."""
    argument = re.search(r"^ARG PYTHON=(\d+\.\d+)$", CONTAINERFILE, re.MULTILINE)
    assert argument is not None
    bases = re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE)
    images = [base.replace("${PYTHON}", argument[1]) for base in bases]
    images += [service["image"] for service in compose()["services"].values() if "build" not in service]
    for image in images:
        assert re.fullmatch(r"([a-z]+/)?[a-z]+:v?\d[\w.-]+", image), image


@pytest.mark.parametrize("source", re.findall(r"^COPY (?!--)(.+) \S+$", CONTAINERFILE, re.MULTILINE))
def test_what_the_image_copies_is_there_and_not_ignored(source: str) -> None:
    """The build would stop at a file that was moved."""
    ignored = (DEPLOY / "container/Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for name in source.split():
        assert (DEPLOY.parent / name).exists()
        assert f"!{name.rstrip('/')}" in ignored


def test_every_yaml_file_can_be_read() -> None:
    """A tab or a wrong indentation would show only where it is deployed."""
    files = [path for kind in ("yml", "yaml") for path in DEPLOY.rglob(f"*.{kind}")]
    assert len(files) > 10
    for path in files:
        assert all(yaml.safe_load_all(path.read_text(encoding="utf-8"))), path


def test_no_policy_for_the_broker_drops_anything() -> None:
    """Results or jobs beyond a limit of length would vanish without a word, the oldest first."""
    definitions = json.loads((DEPLOY / "rabbitmq/definitions.json").read_text())
    names = Topology()
    queues = (*names.queues(["default"]), names.reply_queue("client"))
    limited = 0
    for policy in definitions["policies"]:
        for queue in queues:
            if re.search(policy["pattern"], queue.name) and "max-length-bytes" in policy["definition"]:
                overflow = policy["definition"].get("overflow") or queue.arguments.get("x-overflow")
                assert overflow == "reject-publish", (policy["name"], queue.name)
                limited += 1
    assert limited == len(queues) - 1, "all but the dead letters"
