// Copy an order with Commerce Layer's official SDK; only the host is another one.
//   npm install @commercelayer/sdk
//   node copy_with_sdk.mjs http://127.0.0.1:8000 TOKEN 1001
import { CommerceLayer } from '@commercelayer/sdk/bundle'

const [base, accessToken, number] = process.argv.slice(2)

// The SDK builds https://ORGANIZATION.commercelayer.io/api/...; send that to our own service.
const toOurService = (url, options) => {
  const { pathname, search } = new URL(url)
  return fetch(new URL(pathname + search, base), options)
}
const shop = CommerceLayer({ organization: 'shop', accessToken, fetch: toOurService })

const order = (await shop.orders.list({ filters: { number_eq: number } })).first()
if (order === undefined) throw new Error(`There is no order ${number} in the mode of this token.`)

const copy = await shop.order_copies.create({
  source_order: shop.orders.relationship(order.id),
  place_target_order: true
})

let factory = copy
while (!['completed', 'failed'].includes(factory.status)) {
  await new Promise(resolve => setTimeout(resolve, 200))
  factory = await shop.order_copies.retrieve(copy.id, { include: ['target_order'] })
}
console.log(factory.status, factory.target_order?.number ?? '', JSON.stringify(factory.errors_log ?? {}))
