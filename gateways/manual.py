"""The gateway `manual`: a bank transfer, cash, or whatever is settled without this program."""

from order_factory.gateways.protocol import Answer, Asked


class ManualGateway:
    """Says yes to everything and does nothing: a person takes the money, and gives it back."""

    name = "manual"

    def authorize(self, asked: Asked) -> Answer:
        return Answer(succeeded=True)

    def capture(self, asked: Asked) -> Answer:
        return Answer(succeeded=True)

    def void(self, asked: Asked) -> Answer:
        return Answer(succeeded=True)

    def lookup(self, asked: Asked) -> Answer | None:
        return Answer(succeeded=True)
