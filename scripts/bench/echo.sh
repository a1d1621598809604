#!/bin/bash
# Echo from outside: echo.sh [MS …] (default 10 60 150 250). The programs, and room (scripts/bench/room), are in bin/.
#
#   window milano speaks ─▶ window munich ─▶ sink spk ─▶ room: reflections, MS ms, -18 dB, another clock ─▶ munich's microphone
#                        ◀─ sink far: what milano hears of itself
#
# The devices are those of a PulseAudio server of its own, whose clock is the room's. It prints by how much the echo in the room
# is louder than what comes back, over 25 s of speech from the 12th on, and for each second; and what the window itself says of it.
# PPM (default 200) is how much faster the microphone's clock is than the speaker's, FADE (default 300ms) in which time the room's
# sound fades by 60 dB, 0s: not reverberant. As root, the sound server, the
# room and the windows go before all else that runs.
set -eu
if ! command -v pulseaudio >/dev/null; then
    echo "no echo measured: there is no pulseaudio, whose place a desktop's PipeWire has"
    exit 0
fi
bin=$(cd "$(dirname "$0")/../../bin" && pwd)
d=$(mktemp -d); pids=()
first=; second=
if [ "$(id -u)" = 0 ]; then first="chrt -f 20"; second="chrt -r 10"; fi
end() { for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; wait 2>/dev/null || true; pids=(); }
trap 'end; rm -rf "$d"' EXIT
export XDG_RUNTIME_DIR=$d/xdg HOME=$d/home
mkdir -p "$XDG_RUNTIME_DIR" "$HOME"; chmod 700 "$XDG_RUNTIME_DIR"

say() { espeak-ng -v "$1" -s "$2" -w "$d/say.wav" "$3"; sox "$d/say.wav" -r 48000 -c 1 "$d/say$1.wav" pad 0 0.7; }
say en+m1 150 "Good morning Munich, how is the weather over there today? We have sunshine and coffee here in the kitchen."
say en+f2 160 "The new prototype has arrived from the workshop, and I would like to show it to you after lunch if that suits everyone."
say en+m3 140 "Could somebody please tell Francesca that the meeting in the large room starts at half past three?"
say en+f4 170 "Yes, I will tell her. By the way, did you see the numbers of last week? They are better than anybody expected."
sox "$d"/sayen+*.wav "$d/speech.wav" repeat 2 gain -n -6

for s in milano munich; do printf 'space "%s" {\n  timezone = "Europe/Berlin"\n  open = "24/7"\n}\n' $s; done >"$d/plan.hcl"
printf 'link "l" {\n  between = [milano, munich]\n  when = open\n}\n' >>"$d/plan.hcl"

window() { # name, microphone, speaker
    mkdir -p "$d/$1"
    "$bin/ewindow-registrar" account add "$1" --domain 127.0.0.1 --state "$d/reg" 2>/dev/null | tail -1 >"$d/$1/secret"
    printf 'registrar = "sips:127.0.0.1:5971"\nspace = "%s"\nsecret_file = "secret"\ncamera = "test"\nscreen = "none"\nmicrophone = "%s"\nspeaker = "%s"\n' "$@" >"$d/$1/window.hcl"
    printf 'video {\n  width = 320\n  height = 192\n  fps = 5\n  kbps = 100\n}\n' >>"$d/$1/window.hcl"
}

# decibels prints the level of a second of a recording, or of so many.
decibels() { sox -t raw -r 48000 -e signed -b 16 -c 1 "$1" -n trim "$2" "$3" stat 2>&1 | awk '/RMS.*amplitude/{print 20*log($3+1e-5)/log(10)}'; }

run() { # ms
    rm -rf "$d/reg" "$d/milano" "$d/munich" "$d"/*.raw
    rm -f "$d/spk" "$d/far" "$d/mic"
    $first pulseaudio -n --daemonize=no --exit-idle-time=-1 -L module-native-protocol-unix \
        -L "module-pipe-sink sink_name=spk file=$d/spk format=s32le rate=48000 channels=8 use_system_clock_for_timing=yes" \
        -L "module-pipe-sink sink_name=far file=$d/far format=s32le rate=48000 channels=8 use_system_clock_for_timing=yes" \
        -L "module-pipe-source source_name=room file=$d/mic format=s16le rate=48000 channels=1" >"$d/pulse.log" 2>&1 & pids+=($!)
    sleep 2
    if [ -n "$first" ]; then chrt -a -f -p 20 "${pids[-1]}"; fi # it gives up the priority that it was started with
    $first "$bin/room" -dir "$d" -path "$1ms" -ppm "${PPM:-200}" -fade "${FADE:-300ms}" >"$d/room.log" 2>&1 & pids+=($!)
    pactl set-default-sink spk; pactl set-default-source room
    window milano "gst:filesrc location=$d/speech.wav ! wavparse ! audioconvert ! audioresample ! identity sync=true" \
        "gst:pulsesink async=false buffer-time=40000 latency-time=10000 device=far"
    window munich pulse pulse
    "$bin/ewindow-registrar" serve --domain 127.0.0.1 --dialplan "$d/plan.hcl" --state "$d/reg" --tls 127.0.0.1:5971 --tcp 127.0.0.1:5970 \
        --udp 127.0.0.1:5970 --http 127.0.0.1:9971 --echo-ports 26200-26231 --turn "" --shared "" >"$d/reg.log" 2>&1 & pids+=($!)
    sleep 2
    for s in milano munich; do
        sed -i "1i pin = \"$("$bin/ewindow-registrar" pin --state "$d/reg")\"" "$d/$s/window.hcl"
        $second "$bin/ewindow" run -c "$d/$s/window.hcl" --state "$d/$s" >"$d/$s.log" 2>&1 & pids+=($!)
    done
    sleep 3
    skip=$(($(stat -c %s "$d/far.raw") / 96000)) # seconds
    sleep 41
    found=$("$bin/ewindow" status --state "$d/munich" | sed -n 's/.*echo comes after \([^;]*\);.*/\1/p')
    end
    each=
    for s in $(seq 0 38); do each="$each $(echo "$(decibels "$d/heard.raw" $((skip + s)) 1) $(decibels "$d/far.raw" $((skip + s)) 1)" | awk '{printf "%.0f", $1-$2}')"; done
    echo "$(decibels "$d/heard.raw" $((skip + 12)) 25) $(decibels "$d/far.raw" $((skip + 12)) 25)" | awk -v ms="$1" -v found="${found:-nothing}" -v each="$each" \
        '{printf "%d ms: %.1f dB; the window says: %s; each second:%s\n", ms, $1-$2, found, each}'
    if [ -n "${KEEP:-}" ]; then mkdir -p "$KEEP"; cp "$d"/*.raw "$d"/*.log "$KEEP"; fi
}

for ms in "${@:-10 60 150 250}"; do
    for one in $ms; do run "$one"; done
done
