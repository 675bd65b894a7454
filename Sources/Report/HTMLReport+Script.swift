extension HTMLReport {
    /// The script of the page: filters, sorts, and shows a hundred rows at a time.
    static let script = #"""
        "use strict";
        (() => {
            const data = JSON.parse(document.getElementById("data").textContent);
            // Details are open in print, and closed again after it.
            addEventListener("beforeprint", () => {
                for (const details of document.querySelectorAll("details:not([open])")) {
                    details.dataset.isClosed = "";
                    details.open = true;
                }
            });
            addEventListener("afterprint", () => {
                for (const details of document.querySelectorAll("[data-is-closed]")) {
                    delete details.dataset.isClosed;
                    details.open = false;
                }
            });
            if (!data.findings.length) return;
            const element = id => document.getElementById(id);
            const pageSize = 100;
            // The number of printed rows.
            const printSize = 1000;
            const fields = ["effect", "rule", "namespace", "team", "file", "because"];

            const findings = data.findings.map((row, order) => {
                const [title, namespace, file, request, team] = data.objects[row[1]];
                const [rule, ruleTitle] = data.rules[row[0]];
                const finding = {
                    order, rule, ruleTitle, object: title, namespace, file, request, team, effect: row[2], because: row[3], text: row[4],
                    line: row[5], column: row[6], remedy: row[7], reason: row[8],
                };
                finding.words = [rule, title, file, request, team, finding.text, finding.reason].join("\n").toLowerCase();
                return finding;
            });
            // The options list effects from the most severe.
            const grades = Object.fromEntries([...element("effect").options].map((option, index) => [option.value, index]));
            let shown = findings;
            let page = 0;
            let sort = {by: "", down: false};

            const orders = {
                effect: (a, b) => grades[a.effect] - grades[b.effect],
                rule: (a, b) => compare(a.rule, b.rule),
                object: (a, b) => compare(a.object, b.object),
                place: (a, b) => compare(a.file, b.file) || a.line - b.line || a.column - b.column,
            };
            function compare(a, b) { return a < b ? -1 : a > b ? 1 : 0; }

            // Texts become text nodes, never markup.
            function make(tag, attributes, ...children) {
                const node = document.createElement(tag);
                for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
                node.append(...children);
                return node;
            }

            // A long name breaks after punctuation, not in a word.
            function breakable(text) {
                return text.split(/(?<=\w[/._=:@,]|\])/).flatMap((part, index) => index ? [make("wbr", {}), part] : [part]);
            }

            function row(finding, isOpen) {
                const cell = (name, ...children) => make("td", {role: "cell", class: name}, ...children);
                const rule = data.documentation && finding.ruleTitle
                    ? make("a", {href: data.documentation + "#" + finding.rule, title: finding.ruleTitle}, finding.rule)
                    : make("span", {title: finding.ruleTitle}, finding.rule);
                const note = finding.reason || finding.because;
                const text = [...breakable(finding.text), ...(note ? [make("span", {class: "dim"}, " (", ...breakable(note), ")")] : [])];
                let what = text;
                if (finding.remedy) {
                    const details = make("details", {}, make("summary", {}, ...text), make("pre", {}, finding.remedy));
                    details.open = isOpen;
                    what = [details];
                }
                const request = finding.request ? [make("div", {class: "dim"}, ...breakable(finding.request))] : [];
                const place = finding.file + (finding.line ? ":" + finding.line : "") + (finding.column ? ":" + finding.column : "");
                return make("tr", {role: "row"},
                    cell("effect " + finding.effect, finding.effect), cell("rule", rule), cell("object", ...breakable(finding.object), ...request),
                    cell("what", ...what), cell("place dim", ...breakable(place)));
            }

            function show(count = pageSize, isOpen = false) {
                const first = count === pageSize ? page * pageSize : 0;
                element("rows").replaceChildren(...shown.slice(first, first + count).map(finding => row(finding, isOpen)));
                const number = value => value.toLocaleString("en");
                element("status").textContent = number(shown.length) + " of " + number(findings.length) + (findings.length === 1 ? " finding" : " findings")
                    + (shown.length > count && count !== pageSize ? "; showing the first " + number(count) : "");
                const pages = Math.max(1, Math.ceil(shown.length / pageSize));
                element("page").textContent = "Page " + number(page + 1) + " of " + number(pages);
                element("previous").disabled = page === 0;
                element("next").disabled = page + 1 >= pages;
                element("pages").hidden = pages === 1;
            }

            function update() {
                const words = element("search").value.toLowerCase().split(/\s+/).filter(Boolean);
                const wanted = fields.map(name => [name, element(name).selectedIndex, element(name).value]).filter(entry => entry[1] > 0);
                shown = findings.filter(finding =>
                    wanted.every(([name, , value]) => finding[name] === value) && words.every(word => finding.words.includes(word)));
                if (sort.by) {
                    const order = orders[sort.by];
                    shown.sort((a, b) => (sort.down ? order(b, a) : order(a, b)) || a.order - b.order);
                }
                page = 0;
                show();
            }

            for (const name of fields.slice(1)) {
                if (element(name).parentElement.hidden) continue;
                const values = [...new Set(findings.map(finding => finding[name]))].sort(compare);
                element(name).append(
                    make("option", {value: ""}, "all"), ...values.map(value => make("option", {value}, value || "\#(none)")));
            }
            element("team").parentElement.hidden = !findings.some(finding => finding.team);
            element("filters").addEventListener("input", update);
            element("filters").addEventListener("submit", event => event.preventDefault());
            // The fields are empty only after the event.
            element("filters").addEventListener("reset", () => setTimeout(update));
            for (const button of document.querySelectorAll("[data-filter]")) {
                button.addEventListener("click", () => {
                    const select = element(button.dataset.filter);
                    element("filters").reset();
                    // By index: the first option has an empty value too, as objects without a name have.
                    const at = [...select.options].findIndex((option, index) => index > 0 && option.value === button.dataset.value);
                    setTimeout(() => {
                        select.selectedIndex = Math.max(0, at);
                        update();
                        element("findings").scrollIntoView();
                        element("findings").focus({preventScroll: true});
                    });
                });
            }
            for (const button of document.querySelectorAll("[data-sort]")) {
                button.addEventListener("click", () => {
                    sort = {by: button.dataset.sort, down: sort.by === button.dataset.sort && !sort.down};
                    for (const other of document.querySelectorAll("[aria-sort]")) other.setAttribute("aria-sort", "none");
                    button.parentElement.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
                    update();
                });
            }
            for (const [name, step] of [["previous", -1], ["next", 1]]) {
                element(name).addEventListener("click", () => {
                    page += step;
                    show();
                    element("findings").scrollIntoView();
                    element("findings").focus({preventScroll: true});
                });
            }
            addEventListener("beforeprint", () => show(printSize, true));
            addEventListener("afterprint", () => show());
            update();
        })();
        """#
}
