// The form asks every two seconds and draws what it gets. Totals are shown with the digits of the answer:
// JSON.parse would make floating-point numbers of them, which do for the height of a point alone.
'use strict';
const EVERY = 2000, POINTS = 150;
const at = id => document.getElementById(id);
let timer = 0, run = 0, tag = '', points = [];

function address() {
  const query = new URLSearchParams();
  if (at('what').value === 'cliente' && at('producto').value !== '') query.set('producto', at('producto').value);
  if (at('fecha').value !== '') query.set('fecha', at('fecha').value);
  const path = 'metricas/' + at('what').value + '/' + encodeURIComponent(at('id').value);
  return String(query) === '' ? path : path + '?' + query;
}

function draw() {
  const values = points.map(p => p.value), least = Math.min(...values), most = Math.max(...values);
  const span = most - least || 1, from = points[0].time, time = points[points.length - 1].time - from || 1;
  const xy = points.map(p => [8 + 624 * (p.time - from) / time, 148 - 124 * (most === least ? 0.5 : (p.value - least) / span)]);
  const line = xy.map(([x, y]) => x.toFixed(1) + ',' + y.toFixed(1)).join(' ');
  at('curve').setAttribute('points', line);
  at('area').setAttribute('points', '8,152 ' + line + ' ' + xy[xy.length - 1][0].toFixed(1) + ',152');
  at('now').setAttribute('cx', xy[xy.length - 1][0]);
  at('now').setAttribute('cy', xy[xy.length - 1][1]);
  at('top').textContent = points[values.indexOf(most)].text;
  at('bottom').textContent = most === least ? '' : points[values.indexOf(least)].text;
  at('latest').textContent = new Date(points[points.length - 1].time).toLocaleTimeString();
}

function show(text) {
  const count = /"num_transacciones":(-?\d+)/.exec(text), amount = /"monto_total":(-?[\d.]+)/.exec(text);
  if (count === null || amount === null) throw new Error('not the answer that was expected');
  at('count').textContent = count[1];
  at('amount').textContent = amount[1];
  points.push({time: Date.now(), value: Number(amount[1]), text: amount[1]});
  if (points.length > POINTS) points.shift();
  draw();
}

async function ask(mine) {
  let again = EVERY;
  try {
    const headers = {'X-API-Key': at('key').value};
    if (tag !== '') headers['If-None-Match'] = tag;
    const answer = await fetch(address(), {headers, cache: 'no-store'}), text = await answer.text();
    if (mine !== run) return;
    const left = /;r=(\d+)/.exec(answer.headers.get('RateLimit') || ''), asOf = answer.headers.get('X-Data-As-Of');
    if (left !== null) at('left').textContent = left[1];
    if (asOf !== null) at('asof').textContent = new Date(asOf).toLocaleTimeString();
    if (answer.ok) {
      tag = answer.headers.get('ETag') || '';
      show(text);
      at('problem').textContent = '';
    } else if (answer.status === 304) {
      points.push({...points[points.length - 1], time: Date.now()});
      draw();
    } else {
      let why = answer.statusText;
      try { why = JSON.parse(text).detail; } catch { /* not ours: of a server in between */ }
      at('problem').textContent = answer.status + ': ' + why;
      again = 1000 * Number(answer.headers.get('Retry-After')) || again;
      if ([400, 401, 403].includes(answer.status)) return stop();
    }
  } catch (error) {
    if (mine !== run) return;
    at('problem').textContent = error.message;
  }
  timer = setTimeout(ask, again, mine);
}

function stop() {
  clearTimeout(timer);
  run++;
  at('stop').disabled = true;
}

at('form').addEventListener('submit', event => {
  event.preventDefault();
  stop();
  points = [];
  tag = '';
  for (const id of ['count', 'amount', 'asof', 'left']) at(id).textContent = '–';
  for (const id of ['curve', 'area']) at(id).setAttribute('points', '');
  at('problem').textContent = '';
  at('result').hidden = false;
  at('stop').disabled = false;
  at('request').textContent = 'GET /' + address();
  ask(run);
});
at('stop').addEventListener('click', stop);
