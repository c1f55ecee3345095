#!/bin/sh
# Installs the Debian packages of packages.list that are missing, with those of one group when it is named: setup.sh [GROUP]. Needs root
# only when something is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
group=${1:-}
missing=
for package in $(sed -e 's/#.*//' "$here/packages.list" | awk -v group="$group" 'NF == 1 || (NF == 2 && $2 == group) { print $1 }'); do
	case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
	"install ok installed") ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0
echo "Installing:$missing"
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "These packages are missing and installing them needs root:$missing" >&2; exit 1; }
	exec sudo "$here/setup.sh" "$group"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of words
apt-get install -y -qq --no-install-recommends $missing
