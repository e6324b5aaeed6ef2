// page.js -- the query stands in the address, so that a search can be sent to somebody.

const $ = (id) => document.getElementById(id);

function element(tag, kind, text) {
	const made = document.createElement(tag);
	made.className = kind;
	made.textContent = text;
	return made;
}

const size = (kb) => (kb < 1000 ? `${kb} kB` : `${(kb / 1000).toFixed(1)} MB`);

// What a row is ordered by: a distance, or ranks.
function figure(row) {
	if (row.score === undefined) return `distance ${row.distance.toFixed(4)}`;
	const rank = (name, n) => (n === null ? `not by ${name}` : `${name} #${n}`);
	return `score ${row.score.toFixed(4)}: ${rank('words', row.word_rank)}, ${rank('meaning', row.meaning_rank)}`;
}

function result(row) {
	const item = element('li', 'result', '');
	item.append(element('b', 'name', row.name), ' ', element('span', 'figure', figure(row)), element('div', 'summary', row.summary),
		element('div', 'more', `${row.section} · ${size(row.size)} · ${row.version}`));
	return item;
}

function show(found) {
	const by = { both: 'by words and meaning', meaning: 'by meaning', words: 'by words' }[found.mode];
	$('status').textContent = `${found.rows.length} packages ${by} in ${found.ms.toFixed(1)} ms`
		+ (found.embedding_sql ? `, and ${found.embedding_ms.toFixed(1)} ms for the query's embedding` : '');
	$('results').replaceChildren(...found.rows.map(result));
	$('sql').textContent = found.sql;
	$('parameters').replaceChildren(...found.parameters.map((value, i) => element('li', '', `$${i + 1} = ${value}`)));
	$('plan').textContent = found.plan;
	$('embedding').hidden = !found.embedding_sql;
	$('embedding_sql').textContent = found.embedding_sql ?? '';
	$('how').hidden = false;
}

async function search() {
	const parameters = new URLSearchParams(location.search);
	for (const [name, value] of parameters) {
		const field = $('form').elements[name];
		if (field) field.value = value;
	}
	if (!parameters.get('q')) return;
	$('status').textContent = 'searching';
	const response = await fetch('api/search?' + parameters);
	const found = await response.json();
	if (response.ok) {
		show(found);
	} else {
		$('status').textContent = [found.error, found.hint].filter(Boolean).join('. ');
		$('results').replaceChildren();
		$('how').hidden = true;
	}
	document.body.dataset.state = response.ok ? 'found' : 'failed';
}

$('form').addEventListener('submit', (event) => {
	event.preventDefault();
	history.pushState(null, '', '?' + new URLSearchParams(new FormData($('form'))));
	search();
});
$('form').addEventListener('change', (event) => {
	if (event.target.name !== 'q' && $('q').value) $('form').requestSubmit();
});
addEventListener('popstate', search);

const about = await (await fetch('api/about')).json();
$('section').append(...about.sections.map(({ section, packages }) => new Option(`${section} (${packages})`, section)));
const total = about.sections.reduce((sum, one) => sum + one.packages, 0);
$('about').textContent = `${total.toLocaleString('en')} descriptions in PostgreSQL, two indexes of omendb: omenhnsw for embeddings, omenbm25 for words.`;
search();
