import math
from statistics import NormalDist

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.intervals import difference, share_change, verdict, wilson, z_value

patient = settings(deadline=None)  # a busy machine is slow, not wrong


def bounds(successes: float | None, n: float | None, **options: float) -> tuple[float | None, float | None]:
    frame = pl.DataFrame({"s": [successes], "n": [n]}, schema={"s": pl.Float64, "n": pl.Float64})
    return frame.select(*wilson(pl.col("s"), pl.col("n"), **options)).row(0)


# Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, method 3.
@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_newcombes_published_values(successes: int, n: int, low: float, high: float):
    found = bounds(successes, n)
    assert found == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


# Newcombe (1998), Interval estimation for the difference between independent proportions, table II, method 10.
@pytest.mark.parametrize(
    ("s1", "n1", "s2", "n2", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_difference_gives_newcombes_published_values(s1: int, n1: int, s2: int, n2: int, low: float, high: float):
    change, found_low, found_high = difference(s1, n1, s2, n2)
    assert change == pytest.approx(s1 / n1 - s2 / n2)
    assert (found_low, found_high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def solved_by_bisection(successes: int, n: int, level: float, lower: bool) -> float:
    """Wilson's bound as it is defined: the share whose score test just rejects what was seen."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    seen = successes / n

    def too_far(share: float) -> bool:
        return abs(seen - share) > z * math.sqrt(share * (1 - share) / n)

    near, far = seen, 0.0 if lower else 1.0
    for _ in range(100):
        middle = (near + far) / 2
        near, far = (near, middle) if too_far(middle) else (middle, far)
    return near


@patient
@given(st.integers(1, 2000), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_inverts_the_score_test(n: int, share: float, level: float):
    successes = round(n * share)
    low, high = bounds(successes, n, level=level)
    assert low == pytest.approx(solved_by_bisection(successes, n, level, lower=True), abs=1e-9)
    assert high == pytest.approx(solved_by_bisection(successes, n, level, lower=False), abs=1e-9)


@patient
@given(st.integers(1, 10**9), st.floats(0, 1))
def test_a_wilson_interval_holds_its_share_and_stays_within_0_and_1(n: int, share: float):
    successes = round(n * share)
    low, high = bounds(successes, n)
    assert low is not None
    assert high is not None
    assert 0 <= low <= successes / n <= high <= 1
    assert low < high


def test_none_of_none_and_all_of_all_are_exact_at_their_end():
    low, high = bounds(0, 7)
    assert low == 0.0
    assert round(high or 0, 4) == 0.3543
    low, high = bounds(7, 7)
    assert high == 1.0
    assert round(low or 0, 4) == 0.6457


@pytest.mark.parametrize(
    ("successes", "n"),
    [(0, 0), (1, None), (None, 5), (6, 5), (-1, 5), (math.nan, 5), (1, math.nan), (1, math.inf), (1, -3)],
)
def test_what_is_no_share_has_no_interval(successes: float | None, n: float | None):
    assert bounds(successes, n) == (None, None)


def test_a_higher_level_is_wider():
    low, high = bounds(30, 100, level=0.99)
    assert (low, high) < (0.2189, 0.5)
    assert z_value(0.99) == pytest.approx(2.5758, abs=1e-4)


@pytest.mark.parametrize("level", [0, 1, 95, -0.5])
def test_a_level_that_is_no_share_is_refused(level: float):
    with pytest.raises(ValueError, match=r"Hint: a level is a share between 0 and 1"):
        wilson(pl.col("s"), pl.col("n"), level=level)


def test_a_difference_with_nothing_on_one_side_is_not_a_number():
    assert all(math.isnan(value) for value in difference(0, 0, 3, 10))
    assert all(math.isnan(value) for value in difference(3, 10, 0, 0))


def test_a_difference_of_what_is_no_share_is_refused():
    with pytest.raises(ValueError, match="11 of 10 is no share"):
        difference(11, 10, 3, 10)


counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@patient
@given(counts, counts)
def test_swapping_the_sides_of_a_difference_mirrors_it(one: tuple[int, int], other: tuple[int, int]):
    change, low, high = difference(*one, *other)
    mirrored = difference(*other, *one)
    assert mirrored == (pytest.approx(-change), pytest.approx(-high), pytest.approx(-low))
    assert -1 <= low <= change <= high <= 1


def test_a_verdict_needs_30_on_both_sides():
    assert verdict(0.1, 0.2, 30, 30) == "up"
    assert verdict(0.1, 0.2, 29, 30) == "too few"
    assert verdict(0.1, 0.2, 30, 29) == "too few"


def test_a_verdict_is_noise_when_the_interval_holds_0():
    assert verdict(-0.2, -0.1, 99, 99) == "down"
    assert verdict(-0.2, 0.1, 99, 99) == "within noise"
    assert verdict(0.0, 0.1, 99, 99) == "within noise"
    assert verdict(-0.1, 0.0, 99, 99) == "within noise"


@pytest.mark.parametrize(("low", "high"), [(None, 0.1), (0.1, None), (math.nan, 0.1), (0.1, math.nan)])
def test_without_an_interval_there_is_too_little_to_say(low: float | None, high: float | None):
    assert verdict(low, high, 99, 99) == "too few"


def test_a_change_runs_from_before_to_after():
    change = share_change(48, 80, 56, 70)
    assert change.verdict == "up"
    assert [round(value, 4) for value in change[:3]] == [0.2, 0.0524, 0.3339]
    assert share_change(56, 70, 48, 80).verdict == "down"
    assert share_change(480, 800, 481, 800).verdict == "within noise"
    assert share_change(0, 0, 48, 80).verdict == "too few"


@patient
@given(counts, st.integers(1, 20))
def test_equal_shares_never_have_a_verdict(share: tuple[int, int], times: int):
    change = share_change(*share, share[0] * times, share[1] * times)
    assert change.verdict in ("within noise", "too few")
