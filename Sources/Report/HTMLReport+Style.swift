extension HTMLReport {
    /// The style sheet of the page, for all screen widths, light and dark, and print.
    static let style = """
        :root {
            color-scheme: light dark;
            --back: #fff; --raised: #f4f6f8; --text: #1b1f24; --dim: #545d68; --line: #d0d7de; --link: #0b57d0;
            --deny: #b3261e; --warn: #7a4f00; --ok: #1a6b34; --exempt: #545d68;
        }
        @media (prefers-color-scheme: dark) {
            :root {
                --back: #0f1419; --raised: #1a2129; --text: #e6e9ed; --dim: #a3adb8; --line: #36404b; --link: #8ab4f8;
                --deny: #ff8a80; --warn: #f2c063; --ok: #7bd88f; --exempt: #a3adb8;
            }
        }
        * { box-sizing: border-box; }
        [hidden] { display: none !important; }
        body {
            margin: 0 auto; padding: 1rem clamp(.75rem, 3vw, 3rem); max-width: 120rem; background: var(--back); color: var(--text);
            font: clamp(.9375rem, .85rem + .25vw, 1.25rem)/1.5 system-ui, sans-serif;
        }
        h1, h2 { line-height: 1.2; margin: 0 0 .5rem; }
        h1 { font-size: 1.125rem; color: var(--dim); }
        h2 { font-size: 1.25rem; }
        section { margin-top: 2rem; }
        .skip { position: absolute; left: -100rem; }
        .skip:focus { left: 1rem; top: 0; background: var(--back); padding: .5rem; }
        .score { margin: 0; font-size: 1.25rem; }
        .score b { font-size: clamp(3rem, 8vw, 7rem); line-height: 1; margin-right: .75rem; font-variant-numeric: tabular-nums; }
        .bar { display: flex; gap: 2px; height: .75rem; margin: .75rem 0; border-radius: .375rem; overflow: hidden; }
        .bar span { background: currentColor; min-width: .25rem; }
        .counts { display: flex; flex-wrap: wrap; gap: .25rem 2rem; margin: 0; padding: 0; list-style: none; }
        .counts b { font-size: 1.5rem; }
        .deny { color: var(--deny); } .warn { color: var(--warn); } .ok { color: var(--ok); } .exempt { color: var(--exempt); }
        .same { opacity: .4; } .counts .same { opacity: 1; }
        .chart { display: flex; align-items: flex-end; gap: clamp(2px, .5vw, .75rem); height: clamp(8rem, 20vh, 20rem); border-bottom: 1px solid var(--line); }
        .chart span { flex: 1 1 0; display: flex; align-items: flex-end; height: 100%; max-width: 6rem; min-width: 0; }
        .chart i { flex: 1 1 0; min-width: 0; border-radius: 2px 2px 0 0; }
        .then { background: var(--line); } .now { background: var(--deny); }
        .legend, .ends { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; margin: .25rem 0 .5rem; }
        .legend i { display: inline-block; width: .75em; height: .75em; }
        .ends { justify-content: space-between; }
        .tomorrow { border-left: .25rem solid var(--warn); padding-left: 1rem; }
        .tables section { min-width: 0; overflow-x: auto; }
        .tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 0 2rem; }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; vertical-align: top; padding: .375rem .5rem; border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
        thead th { color: var(--dim); }
        .tables td, .tables th + th { text-align: right; font-variant-numeric: tabular-nums; width: 4.5rem; }
        tbody th { font-weight: normal; }
        .tables thead th::first-letter { text-transform: uppercase; }
        .tables tbody th { background: linear-gradient(to right, var(--raised) var(--share), transparent var(--share)); }
        button, input, select { font: inherit; color: inherit; }
        button { cursor: pointer; background: var(--raised); border: 1px solid var(--line); border-radius: .375rem; padding: .125rem .625rem; }
        button:disabled { visibility: hidden; }
        th button { background: none; border: 0; padding: 0; min-height: 1.5rem; text-align: left; color: var(--link); font-weight: inherit; overflow-wrap: break-word; }
        [aria-sort=ascending] button::after { content: " ▲"; } [aria-sort=descending] button::after { content: " ▼"; }
        a { color: var(--link); }
        :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
        #findings:focus { outline: none; }
        #filters { display: flex; flex-wrap: wrap; align-items: end; gap: .5rem 1rem; }
        #filters label { display: flex; flex-direction: column; color: var(--dim); flex: 1 1 9rem; min-width: 0; }
        #filters input, #filters select { color: var(--text); background: var(--back); border: 1px solid var(--dim); border-radius: .375rem; padding: .375rem; width: 100%; height: 2.5rem; }
        #filters button { padding: .375rem 1rem; height: 2.5rem; }
        #list { table-layout: fixed; }
        #list th:first-child { width: 5em; }
        #list th:nth-child(4) { width: 40%; }
        summary { cursor: pointer; list-style: none; position: relative; padding-left: 1.1em; }
        summary::-webkit-details-marker { display: none; }
        summary::before { content: "▸"; position: absolute; left: 0; color: var(--link); }
        [open] > summary::before { content: "▾"; }
        pre { margin: .5rem 0 0; padding: .75rem; background: var(--raised); border-radius: .375rem; overflow-x: auto; white-space: pre-wrap; font-size: .875em; }
        .dim { color: var(--dim); }
        .effect { font-weight: 600; } .none { color: var(--ok); }
        .effect, #list thead button { white-space: nowrap; }
        #pages { display: flex; justify-content: center; align-items: center; gap: 1rem; margin: 1rem 0; }
        footer { margin-top: 2rem; color: var(--dim); overflow-wrap: anywhere; }
        @media screen and (max-width: 60rem) {
            #list, #list thead, #list tbody, #list tr, #list td { display: block; width: auto; }
            #list thead tr { display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
            #list thead tr::before { content: "Sort by"; color: var(--dim); }
            #list thead th { padding: 0; border: 0; }
            #list thead th:not([aria-sort]) { display: none; }
            #list tr { border-bottom: 1px solid var(--line); padding: .5rem 0; }
            #list td { border: 0; padding: .125rem 0; }
        }
        @media print {
            :root { --back: #fff; --raised: #fff; --text: #000; --dim: #444; --deny: #b3261e; --warn: #7a4f00; --ok: #1a6b34; --link: #000; }
            body { font-size: 9pt; padding: 0; }
            #filters, #pages, .skip, .tomorrow button { display: none; }
            tr { break-inside: avoid; }
            .bar, .chart, .legend { print-color-adjust: exact; }
            th button { color: #000; min-height: 0; }
        }
        """
}
