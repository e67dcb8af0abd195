"""What a request, a package or a process can be refused for."""

from regie.base.errors import BadInput, NotFound, RegieError


class BadRoute(BadInput):
    """A route file that cannot be used; the former one stays."""

    code = "serving.bad_route"


class NotOurs(BadRoute):
    """A route file that somebody else than this node wrote or edited; it is put aside, and nothing answers by it."""

    code = "serving.not_ours"


class NoChampion(RegieError):
    """Nothing answers here yet."""

    code, status = "serving.no_champion", 503


class UnknownEndpoint(NotFound):
    """No endpoint or page of that name."""

    code = "serving.unknown_endpoint"


class Malformed(BadInput):
    """A body that is not JSON, or not an object."""

    code, status = "serving.malformed", 400


class TooLarge(BadInput):
    """More bytes or rows than one request may hold."""

    code, status = "serving.too_large", 413


class WrongMethod(BadInput):
    """The page exists, for another method."""

    code, status = "serving.wrong_method", 405


class Foreign(RegieError):
    """A request that is not addressed to this machine, or comes from a foreign page."""

    code, status, exit_code = "access.foreign", 403, 4


class ModelFailed(RegieError):
    """The champion itself failed on a request; the failure is in the log."""

    code, status = "serving.model_failed", 500


class LogFailed(RegieError):
    """The prediction log cannot be written; no answer is given without its record."""

    code, status = "serving.log_failed", 500


class VariantFailed(RegieError):
    """A package that does not open, or a variant's process that does not start."""

    code, status = "serving.variant_failed", 500


class PortBusy(RegieError):
    """Somebody else listens on the port."""

    code, status, exit_code = "process.port_busy", 500, 1


class OpenToTheWorld(RegieError):
    """Without configured authentication only loopback is allowed."""

    code, status, exit_code = "access.not_loopback", 500, 4
