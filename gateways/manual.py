"""The gateway `manual`: a bank transfer, cash, or any payment taken without this program."""

from order_factory.gateways.protocol import Answer, GatewayRequest


class ManualGateway:
    """Approves every request and does nothing: a person takes the money, and gives it back."""

    name = "manual"

    def authorize(self, request: GatewayRequest) -> Answer:
        return Answer(succeeded=True)

    def capture(self, request: GatewayRequest) -> Answer:
        return Answer(succeeded=True)

    def void(self, request: GatewayRequest) -> Answer:
        return Answer(succeeded=True)

    def refund(self, request: GatewayRequest) -> Answer:
        return Answer(succeeded=True)

    def lookup(self, request: GatewayRequest) -> Answer | None:
        return Answer(succeeded=True)
