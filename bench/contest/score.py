"""What the trials came to, as one table in Markdown: each adaptive policy beside the fixed one that is wrong as rarely."""

KINDS = "frozen", "cut", "power"
HALVES = "frozen", "cut"
HEADINGS = ("network", "observer", "policy", "packets/s", "false alarms", *(f"{kind} p50 / p99" for kind in KINDS),
            "wrong as rarely", *KINDS, "half of each")

NOTES = """\
* packets/s of a client, both ways together, over the whole run with all that happens in it.
* false alarms: living peers given up, on either side, of so many that an outage met.
* frozen: SIGSTOP, or nobody serves the socket any more. cut: packets vanish both ways. power:
  the peer's machine is gone without a FIN or a RST; of a server's that is a cut of all its clients at once. Times from the fault.
* A client's deadline counts from its probe, a server's from the last probe that came: of equal worth are N intervals there and
  N + 1 here, and what they find is found as soon. So deadlines below two intervals are tried with clients only.
* wrong as rarely: the shortest of the fixed settings here with no more false alarms; behind it the shares of its
  medians that the adaptive policy takes. half of each: the mean of the medians of frozen and cut, as a share of the same; where half
  of all deaths are of either kind, a median would lie anywhere in the gap between the two.
* two-paths: adaptive over Multipath TCP; frozen, cut and power (both cables) as on one path. Each length of an outage came twice, of
  one cable and of both. false alarms are those to expect where so many of a path's outages are shared: share × those of both
  + 2 × (1 - share) × those of one, as if the idle cable were in use; that two outages meet by chance is left to the simulator.
* TCP's timers follow the deadlines in all of them, also in the fixed ones."""


def with_shares(results, shares):
    """A row of two paths becomes one for each share of shared outages, with the false alarms that follow from both kinds."""
    for one in results:
        if one["paths"] == 1:
            yield {**one, "shared": None}
            continue
        for shared in shares:
            wronged = shared * one["false_alarms"] + 2 * (1 - shared) * one["false_alarms_of_one_path"]
            yield {**one, "shared": shared, "false_alarms": wronged}


def match(results, shares):
    """The rows, and in those that are not fixed on one path which fixed one is wrong as rarely, and the shares of its medians."""
    results = list(with_shares(results, shares))
    for one in results:
        if one["adapts"]:
            rivals = [rival for rival in results if not rival["adapts"] and rival["network"] == one["network"]
                      and rival["observer"] == one["observer"] and rival["false_alarms"] <= one["false_alarms"]]
            rival = min(rivals, key=lambda rival: rival["deadline_s"], default=None)
            one["wrong_as_rarely"] = rival and rival["policy"]
            one["shares"] = rival and {
                **{kind: one[kind]["p50_s"] / rival[kind]["p50_s"] for kind in KINDS},
                "half_of_each": sum(one[kind]["p50_s"] for kind in HALVES) / sum(rival[kind]["p50_s"] for kind in HALVES),
            }
    return results


def rows_of(results):
    return [HEADINGS, *(_row(one) for one in results)]


def _row(one):
    shares = one.get("shares")
    policy = one["policy"] if one["shared"] is None else f"{one['policy']}, {100 * one['shared']:g} % shared"
    return (one["network"], one["observer"], policy, f"{one['packets_a_second']:.2f}",
            f"{one['false_alarms']:g} of {one['exposures']} ({100 * one['false_alarms'] / one['exposures']:.1f} %)",
            *(_times(one[kind]) for kind in KINDS), (one.get("wrong_as_rarely") or "none") if one["adapts"] else "",
            *(f"{shares[kind]:.2f}" if shares else "" for kind in (*KINDS, "half_of_each")))


def _times(found):
    missed = f" (missed {found['missed']} of {found['injected']})" if found["missed"] else ""
    return f"{found['p50_s']:.2f} / {found['p99_s']:.2f} s{missed}"
