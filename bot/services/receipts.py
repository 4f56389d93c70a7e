"""What the vendor says became of our replies: statuses only move forward, each time is set once (S2-132, S2-133)."""

from __future__ import annotations

from typing import Any

import structlog

from bot.message import Receipt, ReceiptStatus
from bot.meter import KEEPS_NOTHING, Meter, Stage
from bot.records.conversations import Message, MessageStatus
from bot.records.work import Delivery, DeliveryState
from bot.store.base import Change, In, Not, Store, Unit

log = structlog.get_logger()

_BELOW = {
    ReceiptStatus.SENT: [MessageStatus.PENDING],
    ReceiptStatus.DELIVERED: [MessageStatus.PENDING, MessageStatus.SENT],
    ReceiptStatus.READ: [MessageStatus.PENDING, MessageStatus.SENT, MessageStatus.DELIVERED],
    ReceiptStatus.FAILED: [MessageStatus.PENDING, MessageStatus.SENT],
}
"""Status -> those it may take the place of. Failed is final, but cannot undo a delivery."""


class Receipts:
    """Applies receipts to deliveries and messages."""

    def __init__(self, store: Store, meter: Meter = KEEPS_NOTHING) -> None:
        self._store = store
        self._meter = meter

    async def apply(self, unit: Unit, receipt: Receipt) -> str | None:
        """Puts what a receipt changes into the unit; the delivery's lane, so that it can be woken, or None if it is not ours."""
        delivery = await self._delivery(receipt)
        if delivery is None:
            log.info("receipt for a message that is not ours", status=str(receipt.status))
            return None
        with self._meter.within(await self._turn_of(delivery), Stage.RECEIPT):
            unit.add(*self._on_delivery(delivery, receipt), *self._on_message(delivery, receipt))
        return delivery.lane

    async def _turn_of(self, delivery: Delivery) -> str | None:
        """The turn that said it, where somebody wants to know."""
        message = await self._store.get(Message, delivery.message_id) if self._meter.asks_for_turns else None
        return message.turn_id if message is not None else None

    async def _delivery(self, receipt: Receipt) -> Delivery | None:
        """By our tracker, which is known before the vendor's id is; else by the vendor's id."""
        if receipt.tracker:
            found = await self._store.get(Delivery, receipt.tracker)
            if found is not None:
                return found
        by_provider = await self._store.find(Delivery, {"provider_id": receipt.provider_id}, limit=1)
        return by_provider[0] if by_provider else None

    @staticmethod
    def _on_delivery(delivery: Delivery, receipt: Receipt) -> list[Change]:
        """Any receipt proves that the vendor has it, whatever we had made of it: nothing is left to be done."""
        closed = {"openness": "closed", "provider_id": receipt.provider_id}
        if receipt.status is ReceiptStatus.FAILED:
            posted = In([DeliveryState.SENDING, DeliveryState.UNCONFIRMED, DeliveryState.SENT])
            failed = {"state": DeliveryState.REFUSED, "error_code": receipt.error_code, "error": receipt.error_title}
            return [Change(Delivery, {"id": delivery.id, "state": posted}, set={**closed, **failed})]
        sent = {"state": DeliveryState.SENT, "error_code": "", "error": ""}
        return [
            Change(Delivery, {"id": delivery.id, "state": Not(DeliveryState.REFUSED)}, set={**closed, **sent}),
            # Refused by us, when it had perhaps gone out already; what the vendor refused has the vendor's id.
            Change(Delivery, {"id": delivery.id, "provider_id": None}, set={**closed, **sent}),
        ]

    @staticmethod
    def _on_message(delivery: Delivery, receipt: Receipt) -> list[Change]:
        changes: dict[str, Any] = {"status": MessageStatus(receipt.status), "whatsapp_status": str(receipt.status)}
        if receipt.status is ReceiptStatus.FAILED:
            changes["whatsapp_error"] = {"code": receipt.error_code, "title": receipt.error_title}
        id_ = delivery.message_id
        steps = [
            Change(Message, {"id": id_, "status": In(_BELOW[receipt.status])}, set=changes),
            *_mended(id_, receipt, changes),
            Change(Message, {"id": id_}, set={"whatsapp_message_id": receipt.provider_id}),
        ]
        if receipt.status in (ReceiptStatus.DELIVERED, ReceiptStatus.READ):
            steps.append(Change(Message, {"id": id_, "delivered_at": None}, set={"delivered_at": receipt.at}))
        if receipt.status is ReceiptStatus.READ:
            steps.append(Change(Message, {"id": id_, "read_at": None}, set={"read_at": receipt.at}))
        return steps


def _mended(id_: str, receipt: Receipt, changes: dict[str, Any]) -> list[Change]:
    """What we ourselves had given up for failed, the vendor did say after all. The vendor's own `failed` stands."""
    if receipt.status is ReceiptStatus.FAILED:
        return []
    ours = {"id": id_, "status": MessageStatus.FAILED, "whatsapp_status": Not(str(ReceiptStatus.FAILED))}
    return [Change(Message, ours, set={**changes, "whatsapp_error": None})]
