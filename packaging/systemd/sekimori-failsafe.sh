#!/bin/sh
# The agent has crashed again and again. Storage stays shut by the kernel's default; people keep their keyboards: present hubs and
# pure input devices are admitted now, and a udev rule admits later ones while /run/sekimori/failsafe exists.
mkdir -p /run/sekimori
: >/run/sekimori/failsafe
/usr/lib/sekimori/sekimori-early --all
message="Sekimori: the agent does not run. Only keyboards, mice and hubs work; every medium stays shut. Call the helpdesk.
関守: エージェントが停止しています。キーボード・マウス・ハブだけが使えます。媒体は使えません。デジタル推進の窓口に連絡してください。"
logger -p daemon.emerg -t sekimori-failsafe "$message" 2>/dev/null
command -v wall >/dev/null && wall "$message" 2>/dev/null
# Try the agent again later: a fault that has passed must not keep the terminal in this state.
systemd-run --quiet --on-active=5min --unit=sekimori-retry /bin/sh -c 'systemctl reset-failed sekimorid; systemctl start sekimorid' 2>/dev/null
exit 0
