"""``python -m fal_emulator`` runs the command ``fal-emulator`` of this installation."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path


def main() -> int:
    name = "fal-emulator" + (sysconfig.get_config_var("EXE") or "")
    schemes = [sysconfig.get_path("scripts")]
    # pip install --user
    schemes.append(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")))
    program = next((Path(folder, name) for folder in schemes if Path(folder, name).is_file()), None)
    if program is None:
        print(f"fal-emulator: {name} is not in {' or '.join(schemes)}; install the package again", file=sys.stderr)
        return 1
    arguments = [str(program), *sys.argv[1:]]
    if sys.platform == "win32":
        return subprocess.run(arguments, check=False).returncode
    os.execv(program, arguments)


if __name__ == "__main__":
    sys.exit(main())
