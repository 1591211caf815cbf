const EVERY = 5000;
const WORDS = { ok: 'All is well', degraded: 'Degraded', down: 'Down' };

const find = (id) => document.getElementById(id);

/** Also an answer that says the store isn't well is one; undefined when there is none. */
async function ask(path) {
  try {
    const response = await fetch(path, { headers: { accept: 'application/json' }, cache: 'no-store' });
    return await response.json();
  } catch {
    return undefined;
  }
}

function showHealth({ status, services = {}, database = {} } = {}) {
  const health = find('health');
  health.dataset.status = status in WORDS ? status : 'down';
  health.textContent = WORDS[status] ?? 'No answer';
  const parts = Object.entries({ ...services, database }).filter(([, part]) => part.status);
  find('parts').replaceChildren(
    ...parts.map(([name, part]) => {
      const item = document.createElement('li');
      item.dataset.status = part.status;
      item.textContent = part.latencyMs === undefined ? name : `${name} ${part.latencyMs} ms`;
      return item;
    }),
  );
}

function showProducts({ products, countedAt } = {}) {
  // While it can't be asked, the last count stays, with its time.
  if (!Number.isInteger(products)) return;
  find('products').textContent = products.toLocaleString('en');
  find('counted').textContent = `counted at ${new Date(countedAt).toLocaleTimeString()}`;
}

async function refresh() {
  if (!document.hidden) {
    await Promise.all([ask('/api/system/health').then(showHealth), ask('/front-page.json').then(showProducts)]);
  }
  setTimeout(refresh, EVERY);
}

find('origin').textContent = location.origin;
find('copy').addEventListener('click', async ({ currentTarget: button }) => {
  const command = find('command');
  try {
    await navigator.clipboard.writeText(command.textContent);
    button.textContent = 'Copied';
  } catch {
    // Browsers give the clipboard only to pages that came encrypted or from this machine.
    getSelection().selectAllChildren(command);
    button.textContent = 'Selected';
  }
  setTimeout(() => {
    button.textContent = 'Copy';
  }, 2000);
});
refresh();
