// What a shop's client does with the official SDK; prints what it saw as one JSON document.
import { CommerceLayer } from '@commercelayer/sdk/bundle'

const [base, accessToken] = process.argv.slice(2)
// The SDK builds https://ORGANIZATION.DOMAIN/api; here the service answers instead.
const toService = (url, options) => {
  const { pathname, search } = new URL(url)
  return fetch(new URL(pathname + search, base), options)
}
const shop = CommerceLayer({ organization: 'shop', accessToken, fetch: toService })
const saw = {}

const customer = await shop.customers.create({ email: 'ada@shop.example', metadata: { tier: 'gold' } })
const address = await shop.addresses.create({
  first_name: 'Ada', last_name: 'Byron', line_1: '1 Test Street', city: 'Rome',
  zip_code: '00100', state_code: 'RM', country_code: 'IT', phone: '1'
})
saw.address = address.name
let order = await shop.orders.create({
  number: 'W-1',
  customer: shop.customers.relationship(customer.id),
  billing_address: shop.addresses.relationship(address.id),
  shipping_address: shop.addresses.relationship(address.id)
})
saw.draft = [order.status, order.customer_email, order.total_amount_cents]
const sku = (await shop.skus.list({ filters: { code_eq: 'MUG' } })).first()
const line = await shop.line_items.create({
  quantity: 2, unit_amount_cents: 1250, _external_price: true, name: 'Mug',
  item: shop.skus.relationship(sku.id), order: shop.orders.relationship(order.id)
})
saw.line = [line.sku_code, line.total_amount_cents, line.formatted_total_amount]
await shop.line_items.update({ id: line.id, quantity: 3 })
order = await shop.orders.retrieve(order.id, { include: ['line_items.sku', 'customer'] })
saw.order = [order.status, order.total_amount_cents, order.total_amount_float]
saw.included = [order.customer.email, order.line_items[0].quantity, order.line_items[0].sku.code]

const copy = await shop.order_copies.create({
  source_order: shop.orders.relationship(order.id), reference: 'again', skip_errors: false
})
saw.created = [copy.type, copy.status, copy.reference]
let factory
for (let tries = 0; tries < 600; tries++) {
  factory = await shop.order_factories.retrieve(copy.id, {
    include: ['source_order', 'target_order.line_items', 'events']
  })
  if (['completed', 'failed'].includes(factory.status)) break
  await new Promise(resolve => setTimeout(resolve, 100))
}
saw.ended = [factory.status, factory.errors_count, factory.source_order.number]
saw.target = [factory.target_order.status, factory.target_order.total_amount_cents,
  factory.target_order.line_items.map(item => [item.sku_code, item.quantity])]
saw.events = factory.events.map(event => event.name)
saw.byWay = (await shop.order_copies.target_order(copy.id)).id === factory.target_order.id
const mine = await shop.orders.order_copies(order.id, { pageSize: 5 })
saw.related = [mine.length, mine.meta.recordCount, mine[0].id === copy.id]

await shop.order_copies.update({ id: copy.id, reference: 'renamed', metadata: { seen: true } })
const found = await shop.order_factories.list({
  filters: { source_order_number_eq: 'W-1', reference_start: 'ren', metadata_jcont: { seen: true },
    status_in: 'completed,failed' },
  fields: { order_factories: ['status', 'reference'] },
  sort: { created_at: 'desc' }, pageSize: 25
})
saw.found = [found.length, Object.keys(found[0]).sort()]
saw.count = await shop.order_copies.count({ filters: { status_eq: 'completed' } })
saw.cleared = (await shop.orders.update({
  id: order.id, shipping_address: shop.addresses.relationship(null)
}, { include: ['shipping_address'] })).shipping_address

let subscription = await shop.order_subscriptions.create({
  frequency: 'monthly', starts_at: '2020-01-31T09:00:00Z', activate_by_source_order: false,
  source_order: shop.orders.relationship(order.id)
})
saw.subscription = [subscription.type, subscription.status, subscription.next_run_at ?? null]
subscription = await shop.order_subscriptions._activate(subscription.id)
saw.active = [subscription.status, subscription.next_run_at > new Date().toISOString()]
const item = await shop.order_subscription_items.create({
  quantity: 2, unit_amount_cents: 1100, item: shop.skus.relationship(sku.id),
  order_subscription: shop.order_subscriptions.relationship(subscription.id)
})
saw.item = [item.sku_code, item.formatted_total_amount]
const renewal = await shop.recurring_order_copies.create({
  place_target_order: false,
  order_subscription: shop.order_subscriptions.relationship(subscription.id)
})
saw.renewal = [renewal.status, renewal.place_target_order]
const subscriptions = await shop.order_subscriptions.list({
  filters: { status_eq: 'active' }, include: ['order_subscription_items', 'source_order']
})
saw.subscriptions = subscriptions.map(each =>
  [each.source_order.number, each.order_subscription_items.length])
saw.ceased = (await shop.order_subscriptions._cancel(subscription.id)).status

const refusal = async doing => doing.then(() => null, error =>
  [error.status, error.errors?.[0]?.code, error.errors?.[0]?.detail])
saw.unknown = await refusal(shop.order_copies.retrieve('nonsensical'))
saw.blank = await refusal(shop.order_copies.create({}))
saw.filter = await refusal(shop.orders.list({ filters: { colour_eq: 'red' } }))
saw.taken = await refusal(shop.customers.create({ email: 'ada@shop.example' }))
saw.token = await refusal(shop.orders.list({}, { accessToken: 'wrong' }))
await shop.order_copies.delete(copy.id)
saw.deleted = (await refusal(shop.order_copies.retrieve(copy.id)))[0]
console.log(JSON.stringify(saw))
