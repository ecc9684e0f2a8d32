# Shared by the scripts beside it: one virtual environment, and Debian's servers for tests.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$root/.venv"

die() {
  echo "$*" >&2
  exit 1
}

# ensure_venv demo|dev [VERSION]: make .venv and install xpjob there, with what it needs or with the
# tools of its tests as well. Does nothing when that has been done for these very requirements.
# With a version of Python it is .venv-VERSION, and $venv from then on.
ensure_venv() {
  local wanted=$1 version=${2:-} requirements="$root/scripts/requirements.txt" stamp
  [ "$wanted" = dev ] && requirements="$root/scripts/requirements-dev.txt"
  [ -n "$version" ] && venv="$root/.venv-$version"
  stamp=$(cat "$requirements" "$root/pyproject.toml" | sha256sum | cut -d' ' -f1)
  if is_installed; then return; fi
  # One script at a time installs there; the others wait, and find that it is done.
  (
    if command -v flock >/dev/null; then flock 9; fi
    if ! is_installed; then install_venv; fi
  ) 9>"$venv.lock"
}

# Of ensure_venv: its variables are wanted, version, requirements and stamp.
is_installed() {
  [ "$(cat "$venv/.installed-$wanted" 2>/dev/null)" = "$stamp" ]
}

install_venv() {
  local python
  if [ -n "$version" ]; then
    python=$(find_python "$version")
  else
    for python in python3.14 python3.13 python3.12 python3.11 python3; do
      if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi
      python=
    done
    [ -n "$python" ] || die "xpjob needs Python 3.11 or newer, and there is none on the PATH"
  fi
  echo "Installing into ${venv##*/} (once) ..." >&2
  # Without python3-venv Debian leaves half an environment behind: without pip it is none.
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$venv"
    "$python" -m venv "$venv" || die "python3 -m venv failed (on Debian: apt-get install python3-venv)"
  fi
  # uv resolves and installs in seconds where pip takes minutes.
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
  "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r "$requirements"
  "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps -e "$root"
  echo "$stamp" >"$venv/.installed-$wanted"
}

# find_python VERSION: print the path of that Python: on the PATH, of pyenv, or installed by uv.
find_python() {
  local version=$1 found uv="$root/.venv/bin/uv"
  # pyenv has a command for each version that it knows, which fails unless that one is chosen.
  for found in "python$version" "$(pyenv prefix "$(pyenv latest "$version" 2>/dev/null)" 2>/dev/null)/bin/python"; do
    if "$found" -c 'import sys; sys.exit(not (".".join(map(str, sys.version_info[:3])) + ".").startswith(sys.argv[1] + "."))' "$version" 2>/dev/null; then
      command -v "$found"
      return
    fi
  done
  (venv="$root/.venv" && ensure_venv dev)
  "$uv" python install "$version" >&2 && "$uv" python find "$version" 2>/dev/null ||
    die "no Python $version on the PATH, and uv cannot install it: install python$version first"
}

# ensure_commands PACKAGE:COMMAND ...: install the Debian packages whose commands are missing.
ensure_commands() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair#*:}" >/dev/null || missing+=("${pair%%:*}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  command -v apt-get >/dev/null || die "the tests need ${missing[*]}; install them first"
  echo "Installing ${missing[*]} (Debian packages) ..." >&2
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# ensure_axe: have the accessibility checker of the page's tests in the cache, outside the checkout.
ensure_axe() {
  local cache="${XDG_CACHE_HOME:-$HOME/.cache}/xpjob/axe"
  [ -s "$cache/node_modules/axe-core/axe.min.js" ] && return
  ensure_commands npm:npm
  echo "Installing axe-core (once) ..." >&2
  mkdir -p "$cache"
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache" axe-core@4 >/dev/null
}

# ensure_github_api: have GitHub's own description of its API in the cache, outside the checkout.
ensure_github_api() {
  local cache="${XDG_CACHE_HOME:-$HOME/.cache}/xpjob/github" package=@octokit/openapi
  [ -s "$cache/api.github.com.json" ] && return
  ensure_commands npm:npm
  echo "Installing GitHub's OpenAPI document (once) ..." >&2
  mkdir -p "$cache"
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache" "$package@23" >/dev/null
  mv "$cache/node_modules/$package/generated/api.github.com.json" "$cache"
  rm -rf "$cache/node_modules"  # 400 MB of the same for other products
}
