"""The orders that the admin gives to the stream, as forms: what they take and how they are given. The rules are the stage's."""

import re

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from pipeline.domain.bars import daily_bar_time
from pipeline.domain.symbols import checked_symbol
from pipeline.stages.opening import Wish
from pipeline.stages.stream import Stream


class DateInput(UnfoldAdminTextInputWidget):  # type: ignore[misc]
    input_type = "date"


def symbols_of(text: str) -> list[str]:
    """Raises InvalidValue at the first that is none."""
    return [checked_symbol(one, "symbols") for one in re.split(r"[\s,]+", text) if one]


def _number(**more: object) -> forms.FloatField:
    words = "0.1 to 1000; 1: ten ticks a second of each symbol."
    return forms.FloatField(help_text=words, widget=UnfoldAdminTextInputWidget(), **more)  # type: ignore[arg-type]


class Order(forms.Form):
    """`done` says what was ordered; `question`, where there is one, is asked before the order is given."""

    done = ""
    question = ""

    def give(self, stream: Stream) -> None:
        """Raises InvalidValue, naming the field, and Unavailable."""
        raise NotImplementedError


class Pause(Order):
    done = "Paused: all symbols hold within about a second."

    def give(self, stream: Stream) -> None:
        stream.pause()


class Resume(Order):
    done = "Resumed: all symbols go on within about a second."

    def give(self, stream: Stream) -> None:
        stream.resume()


class Stop(Order):
    done = "Stopped: the session ends within about a second."
    question = "The session ends, and cannot be resumed; only a start opens another."

    def give(self, stream: Stream) -> None:
        stream.stop()


class Speed(Order):
    done = "The speed changes within about a second."
    speed = _number()

    def give(self, stream: Stream) -> None:
        stream.speed(self.cleaned_data["speed"])


class Seek(Order):
    done = "It goes on at that date within about a second."
    to = forms.DateField(help_text="Go on with the first bar of this date or later.", widget=DateInput())

    def give(self, stream: Stream) -> None:
        stream.seek(daily_bar_time(self.cleaned_data["to"]))


class Start(Order):
    done = "A session opens within about a second."
    question = "A new session opens. One that plays ends, and cannot be resumed."
    symbols = forms.CharField(
        required=False,
        help_text="These alone, divided by blanks or commas; left out: all that have bars.",
        widget=UnfoldAdminTextInputWidget(),
    )
    since = forms.DateField(required=False, help_text="No bars before this date.", widget=DateInput())
    speed = _number(initial=1)
    loop = forms.BooleanField(
        required=False,
        initial=True,
        help_text="Play again from the first bar when the bars are over.",
        widget=UnfoldBooleanSwitchWidget(),
    )

    def give(self, stream: Stream) -> None:
        given = self.cleaned_data
        symbols = symbols_of(given["symbols"])
        since = daily_bar_time(given["since"]) if given["since"] else None
        stream.start(Wish(symbols or None, since, given["speed"], given["loop"]))


ORDERS: dict[str, type[Order]] = {
    "pause": Pause,
    "resume": Resume,
    "stop": Stop,
    "speed": Speed,
    "seek": Seek,
    "start": Start,
}
