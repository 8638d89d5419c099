#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The Kubernetes manifests: complete in themselves, and what they call upon is there. No cluster is asked.

The DaemonSet's script runs against a root directory of a made-up node.
"""
import os
import subprocess
import sys
import tempfile

try:
    import yaml
except ImportError:
    print("SKIP: no python3-yaml")
    sys.exit(77)
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TKIT = os.path.join(os.environ.get("TKIT_BUILD") or os.path.join(TOP, "build/dev"), "tkit")
failed = 0


def check(text, good):
    global failed
    failed += not good
    print("ok    " if good else "FAIL  ", text)


def load(name):
    with open(os.path.join(TOP, "docs/kubernetes", name)) as f:
        return {d["kind"]: d for d in yaml.safe_load_all(f)}


runtime, daemon = load("runtimeclass.yaml"), load("daemonset.yaml")
klass, pod = runtime["RuntimeClass"], runtime["Pod"]
check("the RuntimeClass is one", klass["apiVersion"] == "node.k8s.io/v1" and klass["handler"])
installed = subprocess.run([TKIT, "container", "install", "containerd", "--dry-run", "--prefix", "/none"],
                           capture_output=True, text=True).stdout
check("its handler is what install writes", f'.containerd.runtimes.{klass["handler"]}]' in installed)
check("the pod asks for it", pod["spec"]["runtimeClassName"] == klass["metadata"]["name"])

spec = daemon["DaemonSet"]["spec"]
template = spec["template"]
inside = template["spec"]
check("the DaemonSet selects its own pods", spec["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items())
check("it sees the host's processes", inside["hostPID"] is True)
account = daemon["ServiceAccount"]["metadata"]
check("it runs as its account", inside["serviceAccountName"] == account["name"])
binding = daemon["ClusterRoleBinding"]
check("which has the role", binding["roleRef"]["name"] == daemon["ClusterRole"]["metadata"]["name"] and
      [(s["name"], s["namespace"]) for s in binding["subjects"]] == [(account["name"], account["namespace"])])
check("to label nodes", {"resources": ["nodes"], "verbs": ["get", "patch"], "apiGroups": [""]} in daemon["ClusterRole"]["rules"])
volumes = {v["name"] for v in inside["volumes"]}
for c in inside["initContainers"] + inside["containers"]:
    check(f"{c['name']}: an image and a command", c["image"] == "TKIT_IMAGE" and c["command"])
    check(f"{c['name']}: its volumes are there", all(m["name"] in volumes for m in c.get("volumeMounts", [])))

# ---- the script, on a node made of a directory ----
install = inside["initContainers"][0]
check("it is privileged", install["securityContext"] == {"privileged": True})
label, value = next(iter(klass["scheduling"]["nodeSelector"].items()))
with tempfile.TemporaryDirectory() as node:
    config = os.path.join(node, "etc/containerd/config.toml")
    tools = os.path.join(node, "tools")
    for d in (os.path.dirname(config), tools, node + "/opt/tkit/bin", node + "/image/bin"):
        os.makedirs(d)
    text = 'version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]\nSystemdCgroup = true\n'
    open(config, "w").write(text)
    # nsenter: the rest of the words, for the made-up node. systemctl and kubectl tell what they were asked.
    fakes = {
        "nsenter": f'while [ "$1" != -- ]; do shift; done; shift\n'
                   f'case $1 in\ncat) exec cat "{node}$2" ;;\n'
                   f'*/tkit) shift; exec "{TKIT}" "$@" --prefix "{node}" ;;\nesac\nexec "$@"\n',
        "systemctl": f'echo "systemctl $*" >>"{node}/asked"\n',
        "kubectl": f'echo "kubectl $*" >>"{node}/asked"\n',
    }
    for name, body in fakes.items():
        path = os.path.join(tools, name)
        open(path, "w").write("#!/bin/sh\n" + body)
        os.chmod(path, 0o755)
    open(node + "/image/bin/tkit", "w").write("new")
    script = install["command"][-1].replace("/opt/tkit/. /node/opt/tkit/", f"{node}/image/. {node}/opt/tkit/")

    def run(action):
        open(node + "/asked", "w").close()
        words = install["command"][:-1] + [script]
        done = subprocess.run(words, capture_output=True, text=True,
                              env={"PATH": tools + ":" + os.environ["PATH"], "ACTION": action, "NODE": "n1"})
        if done.returncode:
            print(done.stdout, done.stderr)
        return done.returncode == 0, open(node + "/asked").read().splitlines()

    names = {e["name"] for e in install["env"]}
    check("it is told what to do, and where", names == {"ACTION", "NODE"})
    labelled = f"kubectl label --overwrite node n1 {label}={value}"
    check("it installs, restarts containerd, and labels the node for the RuntimeClass",
          run("install") == (True, ["systemctl restart containerd", labelled]))
    check("the runtime is there, as the kubelet needs it",
          open(config).read().count("SystemdCgroup = true") == 2 and "tkit-runc" in open(config).read())
    check("the program is new", open(node + "/opt/tkit/bin/tkit").read() == "new")
    check("again: nothing is restarted", run("install") == (True, [labelled]))
    check("it uninstalls", run("uninstall") == (True, ["systemctl restart containerd", f"kubectl label node n1 {label}-"]))
    check("to the byte", open(config).read() == text)
print("failed:", failed)
sys.exit(failed != 0)
