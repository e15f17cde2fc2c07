// The triggers of orders with the official SDK; prints what it saw as one JSON document.
import { CommerceLayer } from '@commercelayer/sdk/bundle'

const [base, accessToken, first, second, third] = process.argv.slice(2)
const toService = (url, options) => {
  const { pathname, search } = new URL(url)
  return fetch(new URL(pathname + search, base), options)
}
const shop = CommerceLayer({ organization: 'shop', accessToken, fetch: toService })
const saw = {}
const shown = order => [order.status, order.payment_status]

// The service asks the gateway by itself; a slow machine takes its time.
const until = async (id, ...wanted) => {
  for (let tries = 0; tries < 600; tries++) {
    const order = await shop.orders.retrieve(id)
    if (JSON.stringify(shown(order)) === JSON.stringify(wanted)) return wanted
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  return shown(await shop.orders.retrieve(id))
}

saw.placing = shown(await shop.orders._place(first))
saw.placed = await until(first, 'placed', 'authorized')
saw.approved = (await shop.orders._approve_and_capture(first)).status
saw.paid = await until(first, 'approved', 'paid')
await shop.orders.update({ id: first, _refund: true, _refund_amount_cents: 500 })
saw.refunded = await until(first, 'approved', 'partially_refunded')
saw.archived = (await shop.orders._archive(first)).archived_at !== null
saw.unarchived = (await shop.orders._unarchive(first)).archived_at
const order = await shop.orders.retrieve(first, { include: ['authorizations', 'captures', 'refunds'] })
saw.transactions = [order.authorizations, order.captures, order.refunds].map(each =>
  each.map(one => [one.type, one.amount_cents, one.succeeded]))
const refused = async doing => doing.then(() => null, error => error.errors.map(each => each.detail))
saw.again = await refused(shop.orders._start_editing(first))
await shop.orders._place(second)
await until(second, 'placed', 'authorized')
saw.cancelled = (await shop.orders._cancel(second)).status
saw.voided = await until(second, 'cancelled', 'voided')
await shop.orders._place(third)
await until(third, 'placed', 'authorized')
const [held] = await shop.orders.authorizations(third)
await shop.authorizations.update({ id: held.id, _capture: true, _capture_amount_cents: 1000 })
saw.inPart = await until(third, 'placed', 'partially_paid')
const [capture] = await shop.orders.captures(third)
await shop.captures._refund(capture.id)
saw.givenBack = await until(third, 'placed', 'refunded')
saw.tooLate = await refused(shop.authorizations._void(held.id))
console.log(JSON.stringify(saw))
