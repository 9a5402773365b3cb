"""``python -m fal_emulator`` runs the command ``fal-emulator`` of this installation."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path


def main() -> int:
    name = "fal-emulator" + (sysconfig.get_config_var("EXE") or "")
    # The second one is that of `pip install --user`.
    folders = [sysconfig.get_path("scripts"), sysconfig.get_path("scripts", f"{os.name}_user")]
    program = next((Path(folder, name) for folder in folders if Path(folder, name).is_file()), None)
    if program is None:
        print(f"fal-emulator: {name} is not in {' or '.join(folders)}; install the package again", file=sys.stderr)
        return 1
    arguments = [str(program), *sys.argv[1:]]
    if sys.platform == "win32":
        return subprocess.run(arguments, check=False).returncode
    os.execv(program, arguments)


if __name__ == "__main__":
    sys.exit(main())
