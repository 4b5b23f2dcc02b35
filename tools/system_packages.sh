#!/usr/bin/env bash
# Install the system packages of apt.txt that are missing, when we may; otherwise stop with the command to run.
set -eu
cd "$(dirname "$0")/.."
missing=()
while read -r package _; do
    case "$package" in ''|'#'*) continue ;; esac
    case "$package" in
        chromium) command -v chromium chromium-browser google-chrome >/dev/null && continue ;;
        chromium-driver) command -v chromedriver >/dev/null && continue ;;
    esac
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done < apt.txt
[ ${#missing[@]} -eq 0 ] && exit 0
command="apt-get update && apt-get install -y ${missing[*]}"
if ! command -v apt-get >/dev/null; then
    echo "missing: ${missing[*]}. Install Chromium and its ChromeDriver with your system's package manager, then run this again." >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "missing system packages; run: sudo sh -c '$command'" >&2
    exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq && apt-get install -y -qq "${missing[@]}" >/dev/null
