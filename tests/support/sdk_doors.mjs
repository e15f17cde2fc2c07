// Webhooks, imports and exports with the official SDK; prints what it saw as one JSON document.
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { CommerceLayer } from '@commercelayer/sdk/bundle'

const [base, accessToken] = process.argv.slice(2)
const toService = (url, options) => {
  const { pathname, search } = new URL(url)
  return fetch(new URL(pathname + search, base), options)
}
const shop = CommerceLayer({ organization: 'shop', accessToken, fetch: toService })
const saw = {}
const until = async (read, wanted) => {
  let found
  for (let tries = 0; tries < 600; tries++) {
    found = await read()
    if (wanted(found)) break
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  return found
}
const ended = each => ['completed', 'interrupted', 'failed'].includes(each.status)

const received = []
const receiver = createServer((request, response) => {
  let body = ''
  request.on('data', part => { body += part })
  request.on('end', () => {
    received.push({ headers: request.headers, body })
    response.end('thanks')
  })
})
await new Promise(resolve => receiver.listen(0, '127.0.0.1', resolve))
const callback_url = `http://127.0.0.1:${receiver.address().port}/hook`

const hook = await shop.webhooks.create({
  name: 'customers', topic: 'customers.create', callback_url, include_resources: ['orders']
})
saw.hook = [hook.type, hook.topic, hook.circuit_state, hook.circuit_failure_count, hook.disabled_at]
const changed = await shop.webhooks.update({ id: hook.id, name: 'all', include_resources: [] })
saw.changed = [changed.name, changed.include_resources, changed.callback_url === callback_url]
saw.switched = [
  (await shop.webhooks._disable(hook.id)).disabled_at !== null,
  (await shop.webhooks._enable(hook.id)).disabled_at,
  (await shop.webhooks._reset_circuit(hook.id)).circuit_state
]
saw.listed = (await shop.webhooks.list({ filters: { topic_eq: 'customers.create' } })).length
await shop.customers.create({ email: 'ada@shop.example' })
await until(async () => received.length, found => found > 0)
const [{ headers, body }] = received
saw.signed = headers['x-commercelayer-signature'] ===
  createHmac('sha256', hook.shared_secret).update(body).digest('base64')
saw.delivered = [headers['x-commercelayer-topic'], JSON.parse(body).data.attributes.email]
const log = await until(() => shop.webhooks.last_event_callbacks(hook.id),
  found => found.length && found[0].response_code)
saw.log = [log.length, log[0].response_code, log[0].payload.data.type, log[0].callback_url === callback_url]
const callback = await shop.event_callbacks.retrieve(log[0].id, { include: ['webhook'] })
saw.callback = [callback.webhook.id === hook.id, (await shop.event_callbacks.list()).length]
const withLog = await shop.webhooks.retrieve(hook.id, { include: ['last_event_callbacks'] })
saw.withLog = withLog.last_event_callbacks.length
const event = (await shop.events.list({ filters: { name_eq: 'customers.create' } }))[0]
await shop.events._trigger(event.id)
await until(async () => received.length, found => found > 1)
saw.again = [received.length, received[1].body === body]
await shop.webhooks.delete(hook.id)
saw.left = await shop.webhooks.count()
receiver.close()

const inputs = [{ code: 'MUG', name: 'Mug' }, { code: 'CAP', name: 'Cap', purchasable: 'perhaps' }]
let imported = await shop.imports.create({ resource_type: 'skus', format: 'json', inputs })
saw.pending = [imported.status, imported.inputs_size]
imported = await until(() => shop.imports.retrieve(imported.id), ended)
saw.imported = [imported.status, imported.processed_count, imported.errors_count,
  imported.warnings_count, Object.keys(imported.errors_log), imported.inputs.length]
const none = await shop.imports.create({
  resource_type: 'skus', format: 'csv', inputs: [{ code: 'HAT', name: 'Hat' }], skip_errors: true,
  parent_resource_id: null, reference: 'mine', metadata: { by: 'me' }
})
await shop.imports._interrupt(none.id).catch(error => error)
const last = await until(() => shop.imports.retrieve(none.id, { include: ['events'] }), ended)
saw.interrupted = ended(last) && last.events[0].name
saw.imports = (await shop.imports.list({ filters: { resource_type_eq: 'skus' } })).length

let exported = await shop.exports.create({
  resource_type: 'skus', filters: { code_eq: 'MUG' }, dry_data: true, jwt_filters: true
})
saw.asked = [exported.status, exported.format, exported.attachment_url]
exported = await until(() => shop.exports.retrieve(exported.id), ended)
saw.exported = [exported.status, exported.records_count, exported.processed_count, exported.progress]
// The URL needs no token, as that of a cloud's storage.
const file = await fetch(new URL(exported.attachment_url))
const rows = await file.json()
saw.rows = rows.map(row => [row.code, row.name])
let other = await shop.exports.create({
  resource_type: 'customers', format: 'csv', includes: ['orders'], fields: ['email']
})
other = await until(() => shop.exports.retrieve(other.id, { include: ['events'] }), ended)
saw.events = other.events.map(each => each.name)
const again = await shop.imports.create({ resource_type: 'skus', inputs: rows })
saw.again_imported = (await until(() => shop.imports.retrieve(again.id), ended)).errors_count
await shop.exports.delete(exported.id)
await shop.imports.delete(imported.id)
saw.gone = (await fetch(new URL(exported.attachment_url))).status
console.log(JSON.stringify(saw))
