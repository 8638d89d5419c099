#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes an image from layer tars, as engines write it.

usage: mkimage.py docker OUT.tar CONFIG.json LAYER...
       mkimage.py oci OUTDIR CONFIG.json LAYER...      ref.name "1"; layers as they are
"""
import hashlib
import io
import json
import os
import sys
import tarfile


def docker(out, config, layers):
    with tarfile.open(out, "w") as tar:
        def add(name, data):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        for i, layer in enumerate(layers):
            tar.add(layer, f"l{i}/layer.tar")
        add("config.json", config)
        add("manifest.json", json.dumps([{
            "Config": "config.json", "RepoTags": ["test:1"],
            "Layers": [f"l{i}/layer.tar" for i in range(len(layers))]}]).encode())


def oci(out, config, layers):
    os.makedirs(f"{out}/blobs/sha256", exist_ok=True)

    def add(data):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{out}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    parts = []
    for layer in layers:
        with open(layer, "rb") as f:
            parts.append(add(f.read()))
    manifest = add(json.dumps({"schemaVersion": 2, "config": add(config), "layers": parts}).encode())
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "1"}
    with open(f"{out}/index.json", "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [manifest]}, f)
    with open(f"{out}/oci-layout", "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')


kind, target, config_file, *layer_files = sys.argv[1:]
with open(config_file, "rb") as f:
    {"docker": docker, "oci": oci}[kind](target, f.read(), layer_files)
