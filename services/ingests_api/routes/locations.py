"""Routes of locations: where courses are brought, and how many of them are there."""

from __future__ import annotations

from course_backfill.locations import Location
from course_backfill.reports import BackfillReport, ReportFilter, ReportTotals
from services.ingests_api.answers import Answer, answers, json_answer
from services.ingests_api.api import Api
from services.ingests_api.display import ShownResults
from services.ingests_api.endpoints import Endpoint
from services.ingests_api.report_display import ShownLocation


class LocationRoutes:
    """Answers for locations."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._report = BackfillReport(api.courses)

    def endpoints(self) -> list[Endpoint]:
        """The route, and how it is described."""
        return [
            Endpoint(
                method="GET",
                path="/locations",
                handler=self.listing,
                tag="Locations",
                summary="List the locations, in the order in which they are filled",
                answers=answers({200: ("All of them.", ShownResults[ShownLocation])}),
            )
        ]

    def listing(self) -> Answer:
        """Every configured location with its courses counted."""
        names = tuple(self._api.locations)
        totals = self._report.totals(ReportFilter(names, ()))
        shown = [self._shown(one, totals) for one in self._api.locations.values()]
        return json_answer(ShownResults[ShownLocation](results=shown, next_cursor=None))

    @staticmethod
    def _shown(location: Location, totals: ReportTotals) -> ShownLocation:
        return ShownLocation.of(
            location, backfilled=totals.by_location[location.id], courses=totals.courses
        )
