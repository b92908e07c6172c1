"""Reads the simulator's datagrams with established decoders and holds them against its truth.

Usage: read_back.py SCENARIO TRUTH SENSOR=RECORDING...

A value passes when it lies within half a step of its field from what the simulator said it
reported: the steps are those of each format's standard. Prints, for each format and field, how
many values were compared and the largest difference in steps; exits with 1 at the first that
fails, with 2 when records and reports do not match one to one.
"""

import json
import math
import sys
import tomllib

import asterix
import pyais
import pyModeS

KNOT = 1852 / 3600
FOOT = 0.3048
MILE = 1852.0
# Rounding of binary fractions, in steps.
SLACK = 1e-3


class Table:
    """Largest difference by format and field, in steps of the field."""

    def __init__(self):
        self.rows = {}

    def near(self, what, said, read, step, context, half=0.5):
        """`read` is within `half` a step of `said`."""
        if read is None:
            fail(f"{what}: not in the record, should be {said}", context)
        off = abs(read - said) / step
        count, worst = self.rows.get(what, (0, 0.0))
        self.rows[what] = (count + 1, max(worst, off))
        if off > half + SLACK:
            fail(f"{what}: read {read}, reported {said}, {off:.3f} steps apart", context)

    def turn(self, what, said, read, step, context, half=0.5):
        """As `near`, on a circle of 360 degrees."""
        if read is None:
            fail(f"{what}: not in the record, should be {said}", context)
        self.near(what, 0.0, (read - said + 180) % 360 - 180, step, context, half)

    def same(self, what, said, read, context):
        """`read` equals `said`."""
        count, worst = self.rows.get(what, (0, 0.0))
        self.rows[what] = (count + 1, worst)
        if read != said:
            fail(f"{what}: read {read!r}, reported {said!r}", context)

    def absent(self, what, read, context):
        """There is no such value."""
        self.same(f"{what} (not available)", None, read, context)

    def print(self):
        for what, (count, worst) in sorted(self.rows.items()):
            print(f"{what:<36} {count:>7} compared, at most {worst:.3f} steps")


def fail(what, context):
    print(f"{what}\n  in {context}")
    sys.exit(1)


def stamped(truth):
    return truth.get("stamped_ns", truth["applies_ns"])


def time_of_day(truth):
    return stamped(truth) % 86_400_000_000_000 / 1e9


def value(record, item, field):
    return record.get(item, {}).get(field, {}).get("val")


def clock(table, what, said, read, context):
    """Seconds of the day in 1/128 s; the day's last half step reads as its first."""
    off = (read - said + 43_200) % 86_400 - 43_200
    table.near(what, 0.0, off, 1 / 128, context)


def aircraft(table, name, record, truth, items):
    """Address, callsign and code, as three items give them."""
    (address, address_field), callsign, code = items
    read = record[address]
    for field in address_field:
        read = read[field]
    table.same(f"{name} address", truth["icao"].upper(), read["val"], truth)
    table.same(f"{name} callsign", truth["callsign"], value(record, callsign, "TId").strip(), truth)
    table.same(f"{name} code", truth["squawk"], value(record, code, "Mode3A"), truth)


def cat062(table, record, truth):
    said = truth["reported"]
    sac, sic, number = truth["key"].split("-")
    table.same("062 source", (int(sac), int(sic)), (value(record, "I010", "SAC"), value(record, "I010", "SIC")), truth)
    table.same("062 track number", int(number), value(record, "I040", "TrkN"), truth)
    aircraft(table, "062", record, truth, (("I380", ("ADR", "ADR")), "I245", "I060"))
    category = {"light-aircraft": 1, "sar-aircraft": 3, "airliner": 3, "fighter": 6, "helicopter": 10, "drone": 13}
    if truth.get("fault", {}).get("kind") != "identity-clash":
        table.same("062 emitter category", category[truth["class"]], value(record["I380"], "EMC", "ECAT"), truth)
    clock(table, "062 time", time_of_day(truth), value(record, "I070", "ToT"), truth)
    for axis, item in (("lat_deg", "Lat"), ("lon_deg", "Lon")):
        read = value(record, "I105", item)
        if said[axis] is None:
            table.absent(f"062 {axis}", read, truth)
        else:
            table.near(f"062 {axis}", said[axis], read, 180 / 2**25, truth)
    if said["speed_mps"] is None or said["course_deg"] is None:
        table.absent("062 velocity", value(record, "I185", "Vx"), truth)
    else:
        angle = math.radians(said["course_deg"])
        east, north = math.sin(angle), math.cos(angle)
        table.near("062 speed east", said["speed_mps"] * east, value(record, "I185", "Vx"), 0.25, truth)
        table.near("062 speed north", said["speed_mps"] * north, value(record, "I185", "Vy"), 0.25, truth)
    feet = said["alt_m"] / FOOT
    # This decoder gives the flight level in feet.
    table.near("062 flight level", feet, value(record, "I136", "MFL"), 25.0, truth)
    table.near("062 height", feet, value(record, "I130", "Alt"), 6.25, truth)
    climb = said["climb_mps"] / FOOT * 60
    table.near("062 climb", climb, value(record, "I220", "RoC"), 6.25, truth)


def seen(site, lat_deg, lon_deg, alt_m):
    """Slant range in metres and azimuth in degrees, by earth-fixed coordinates on WGS-84."""

    def fixed(lat_deg, lon_deg, alt_m):
        lat, lon = math.radians(lat_deg), math.radians(lon_deg)
        a, f = 6_378_137.0, 1 / 298.257223563
        e2 = f * (2 - f)
        n = a / math.sqrt(1 - e2 * math.sin(lat) ** 2)
        return (
            (n + alt_m) * math.cos(lat) * math.cos(lon),
            (n + alt_m) * math.cos(lat) * math.sin(lon),
            (n * (1 - e2) + alt_m) * math.sin(lat),
        )

    here = fixed(site["lat_deg"], site["lon_deg"], site.get("alt_m", 0.0))
    there = fixed(lat_deg, lon_deg, alt_m)
    x, y, z = (b - a for a, b in zip(here, there))
    lat, lon = math.radians(site["lat_deg"]), math.radians(site["lon_deg"])
    east = -math.sin(lon) * x + math.cos(lon) * y
    north = -math.sin(lat) * (math.cos(lon) * x + math.sin(lon) * y) + math.cos(lat) * z
    return math.sqrt(x * x + y * y + z * z), math.degrees(math.atan2(east, north))


def cat048(table, record, truth, site):
    said = truth["reported"]
    sac, sic, number = truth["key"].split("-")
    table.same("048 source", (int(sac), int(sic)), (value(record, "I010", "SAC"), value(record, "I010", "SIC")), truth)
    table.same("048 track number", int(number), value(record, "I161", "Tn"), truth)
    aircraft(table, "048", record, truth, (("I220", ("ACAddr",)), "I240", "I070"))
    clock(table, "048 time", time_of_day(truth), value(record, "I140", "ToD"), truth)
    if said["lat_deg"] is None:
        table.absent("048 range", value(record, "I040", "RHO"), truth)
    else:
        range_m, azimuth_deg = seen(site, said["lat_deg"], said["lon_deg"], said["alt_m"])
        table.near("048 range", range_m / MILE, value(record, "I040", "RHO"), 1 / 256, truth)
        table.turn("048 azimuth", azimuth_deg, value(record, "I040", "THETA"), 360 / 2**16, truth)
    table.near("048 flight level", said["alt_m"] / FOOT / 100, value(record, "I090", "FL"), 0.25, truth)
    if said["speed_mps"] is None or said["course_deg"] is None:
        table.absent("048 velocity", value(record, "I200", "CGS"), truth)
    else:
        # This decoder gives the speed in knots.
        speed = said["speed_mps"] / KNOT
        table.near("048 speed", speed, value(record, "I200", "CGS"), 3600 / 2**14, truth)
        table.turn("048 course", said["course_deg"], value(record, "I200", "CHdg"), 360 / 2**16, truth)


class AdsB:
    """ADS-B, each frame by itself, and positions also by pairs of frames."""

    def __init__(self, table):
        self.table = table
        # The pairs' own check of plausibility would hide the faults that were put in.
        self.pairs = pyModeS.PipeDecoder(max_speed_kt=1e9, motion_margin_km=1e9)
        self.clashing = set()

    def position(self, frame, truth):
        table, said = self.table, truth["reported"]
        place = (said["lat_deg"], said["lon_deg"])
        reference = None if place[0] is None else place
        read = pyModeS.decode(frame, reference=reference)
        self.common(read, truth)
        if reference is None:
            # Type 0 carries a height, which this decoder does not read.
            table.same("ads-b type of no position", 0, read["typecode"], truth)
            table.absent("ads-b latitude", read.get("latitude"), truth)
            return
        table.near("ads-b height", said["alt_m"] / FOOT, read["altitude"], 25.0, truth)
        table.same("ads-b type", 11, read["typecode"], truth)
        # A zone of latitude is 6 or 360/59 degrees, one of longitude 360 over their number.
        lat_zone = 360 / (60 - read["cpr_format"])
        table.near("ads-b latitude", place[0], read["latitude"], lat_zone / 2**17, truth)
        zone = 360 / max(zones(read["latitude"]) - read["cpr_format"], 1)
        table.near("ads-b longitude", place[1], read["longitude"], zone / 2**17, truth)
        # Two transmitters under one address, or a place far off, make no pair.
        if truth.get("fault") or truth["icao"] in self.clashing:
            self.clashing.add(truth["icao"])
            return
        paired = self.pairs.decode(frame, timestamp=truth["sent_ns"] / 1e9)
        if paired.get("latitude") is not None:
            table.near("ads-b latitude by pairs", place[0], paired["latitude"], lat_zone / 2**17, truth)
            table.near("ads-b longitude by pairs", place[1], paired["longitude"], zone / 2**17, truth)

    def velocity(self, frame, truth):
        table, said = self.table, truth["reported"]
        read = pyModeS.decode(frame)
        self.common(read, truth)
        table.same("ads-b type of velocity", 19, read["typecode"], truth)
        if said["speed_mps"] is None or said["course_deg"] is None:
            table.absent("ads-b speed", read.get("groundspeed"), truth)
        else:
            # Each of two components is rounded by half a step, and this decoder cuts the speed
            # to whole knots besides.
            step = 4.0 if read["subtype"] == 2 else 1.0
            speed = said["speed_mps"] / KNOT
            half = math.sqrt(0.5) + 1.0 / step
            table.near("ads-b speed", speed, read["groundspeed"], step, truth, half)
            # What half a step across can turn a velocity of this size by, at most.
            turned = math.degrees(math.asin(min(1.0, math.sqrt(0.5) * step / max(speed, 1e-9))))
            table.turn("ads-b course", said["course_deg"], read["track"], turned, truth, 1.0)
        climb = said["climb_mps"] / FOOT * 60
        table.near("ads-b climb", climb, read["vertical_rate"], 64.0, truth)

    def identification(self, frame, truth):
        read = pyModeS.decode(frame)
        self.common(read, truth)
        self.table.same("ads-b callsign", truth["callsign"], read["callsign"].strip("_ "), truth)

    def status(self, frame, truth):
        read = pyModeS.decode(frame)
        self.common(read, truth)
        self.table.same("ads-b code", truth["squawk"], read["squawk"], truth)

    def common(self, read, truth):
        self.table.same("ads-b parity", True, read["crc_valid"], truth)
        self.table.same("ads-b address", truth["icao"].upper(), read["icao"], truth)


def zones(lat_deg):
    """Zones of longitude at a latitude (Doc 9871, C.2.6.2)."""
    a = 1 - math.cos(math.pi / 30)
    b = math.cos(math.radians(abs(lat_deg))) ** 2
    return math.floor(2 * math.pi / math.acos(1 - a / b))


def ais(table, messages, truth):
    for name, message in zip(truth["messages"], messages, strict=True):
        table.same("ais type", int(name.rstrip("AB")), message.msg_type, truth)
        table.same("ais identity", truth["key"], f"{int(message.mmsi):09}", truth)
        if "reported" in truth:
            position(table, message, truth)
        elif name in ("5", "24A"):
            table.same("ais name", truth["track"].upper(), message.shipname.strip(), truth)


def position(table, message, truth):
    said = truth["reported"]
    lat, lon = said["lat_deg"], said["lon_deg"]
    table.near("ais latitude", 91.0 if lat is None else lat, message.lat, 1 / 600_000, truth, 1.0)
    table.near("ais longitude", 181.0 if lon is None else lon, message.lon, 1 / 600_000, truth, 1.0)
    if message.msg_type not in (4, 21):
        step = 1.0 if message.msg_type == 9 else 0.1
        missing = 1023 * step
        speed = missing if said["speed_mps"] is None else said["speed_mps"] / KNOT
        table.near("ais speed", speed, message.speed, step, truth)
        course = said["course_deg"]
        if course is None or course >= 360:
            table.near("ais course over range", course or 360.0, message.course, 0.1, truth)
        else:
            table.turn("ais course", course, message.course, 0.1, truth)
    if message.msg_type == 9:
        table.near("ais height", said["alt_m"], message.alt, 1.0, truth)
    if message.msg_type != 4:
        second = stamped(truth) // 1_000_000_000 % 60
        table.same("ais second", second, message.second, truth)


def lines(path):
    with open(path, encoding="ascii") as file:
        for line in file:
            yield line.rstrip("\n").split(",", 1)[1]


def ais_messages(path):
    parts = []
    for sentence in lines(path):
        parts.append(sentence.encode())
        fields = sentence.split(",")
        if fields[1] == fields[2]:
            yield pyais.decode(*parts)
            parts = []


def records(path):
    for line in lines(path):
        yield from asterix.parse(bytes.fromhex(line), verbose=False)


def avr(path):
    for line in lines(path):
        yield line.strip("*;")


def beast(path):
    """Frames of Beast binary: after the mark a type, six bytes of clock, one of signal."""
    for line in lines(path):
        for part in bytes.fromhex(line).replace(b"\x1a\x1a", b"\x00ESC").split(b"\x1a")[1:]:
            part = part.replace(b"\x00ESC", b"\x1a")
            if len(part) != 22 or part[:1] != b"3":
                fail("not a Beast frame of 14 bytes", part.hex())
            yield part[8:].hex().upper()


def main():
    with open(sys.argv[1], "rb") as file:
        sensors = tomllib.load(file)["sensors"]
    reports = {name: [] for name in sensors}
    with open(sys.argv[2], encoding="utf-8") as file:
        for line in file:
            truth = json.loads(line)
            if truth.get("datagrams"):
                reports[truth["sensor"]].append(truth)
    table = Table()
    for argument in sys.argv[3:]:
        name, path = argument.split("=", 1)
        sensor = sensors[name]
        kind = sensor["format"]
        if kind == "ais":
            stream = ais_messages(path)
        elif kind == "ads-b":
            stream = beast(path) if sensor.get("encoding") == "beast" else avr(path)
            squitters = AdsB(table)
        else:
            stream = records(path)
        for truth in reports[name]:
            taken = [next(stream, None) for _ in truth["messages"]]
            if None in taken:
                print(f"{name}: the recording ends before the truth does, at {truth}")
                sys.exit(2)
            if kind == "ais":
                ais(table, taken, truth)
            elif kind == "ads-b":
                for message, frame in zip(truth["messages"], taken):
                    method = {"no-position": "position"}.get(message, message)
                    getattr(squitters, method)(frame, truth)
            elif kind == "cat062":
                cat062(table, taken[0], truth)
            else:
                cat048(table, taken[0], truth, sensor["site"])
        if next(stream, None) is not None:
            print(f"{name}: the recording goes on after the truth ends")
            sys.exit(2)
    table.print()


main()
