"""What Cargo builds of this workspace."""
import json
import os
import subprocess

from shared.tools import Missing, once, say, tool

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def built(what, profile, variable):
    """The executable that `variable` names, or that Cargo makes of `what`: ["--bin", "nbc"]."""

    def make():
        named = os.environ.get(variable)
        if named:
            if not os.access(named, os.X_OK):
                raise Missing(f"{variable} names {named}, which cannot be run")
            return os.path.abspath(named)
        command = [tool("cargo"), "build", "--profile", profile, "--locked", *what]
        command += ["--message-format", "json-render-diagnostics"]
        say("+", " ".join(command))
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        artifacts = [json.loads(line) for line in done.stdout.splitlines()]
        # What a bench needs besides, such as the command, is built with it.
        mine = [a for a in artifacts if a.get("target", {}).get("name") == what[-1]]
        made = [a["executable"] for a in mine if a.get("executable")]
        if done.returncode or not made:
            raise Missing(f"{what[-1]} does not build, see above")
        return made[-1]

    return once((variable, profile), make)
