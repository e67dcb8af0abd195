/* The sentences of the page of a model. */
import { type Language, manyEn, manyFr, words } from "@/app/i18n";
import type { Tone } from "@/design/State";
import { addWhy, type Why } from "@/design/why";
import type { Reign } from "./query";

type Turn = Reign["came"];
const BY_ITSELF = "system:";

const becauseEn: Record<string, string> = {
  "guard.broken": "a guard broke", "package.failed": "a node could not load it", "by.hand": "by hand", "watch.worse": "it was worse than the former one",
  "watch.quality_breached": "its quality broke the promise", "champion.rolled_back": "the champion was rolled back meanwhile",
  "watch.not_worse": "it was not worse than the former one", "watch.time_over": "its time of watching is over", "watch.no_former_champion": "nobody came before it",
  "newer.challenger": "a newer challenger came", "gate.failed": "a gate failed", "evidence.never_enough": "there was never enough evidence",
  "approval.too_late": "nobody decided in time",
};
const becauseFr: Record<string, string> = {
  "guard.broken": "un garde-fou s’est rompu", "package.failed": "un nœud n’a pas pu la charger", "by.hand": "à la main", "watch.worse": "elle était moins bonne que l’ancienne",
  "watch.quality_breached": "sa qualité a manqué à la promesse", "champion.rolled_back": "le champion a été ramené entre-temps",
  "watch.not_worse": "elle n’était pas moins bonne que l’ancienne", "watch.time_over": "la durée du palier watch est écoulée", "watch.no_former_champion": "aucune ne l’a précédée",
  "newer.challenger": "un challenger plus récent est venu", "gate.failed": "un critère n’est pas satisfait", "evidence.never_enough": "il n’y a jamais eu assez de preuves",
  "approval.too_late": "personne n’a décidé à temps",
};
const brief = (known: Record<string, string>, because: string): string => (because === "" ? "" : `${known === becauseFr ? " :" : ":"} ${known[because] ?? because}`);

export const modelWords = words({
  en: {
    question: "Why is this version here?",
    whyChampion: (version: number) => `Why version ${version} is champion`,
    became: (version: number) => `What became of version ${version}`,
    noVersion: "No version yet",
    empty: "No version of this model is registered yet: train the first one.",
    noChain: "No event speaks of this version: it was registered before Regie watched, or from outside.",
    toChampion: (version: number) => `To the champion, version ${version}`,
    noChampion: "no champion",
    serves: (version: number, endpoint: string, environment: string) => `version ${version} serves ${endpoint} in ${environment}`,
    competes: (version: number) => `version ${version} competes`,
    version: (version: number) => `Version ${version}`,
    rollBack: "Roll back",
    backTo: "back to",
    backMeans: (from: number, to: number, endpoint: string, environment: string) =>
      `Version ${to} is champion of ${endpoint} in ${environment} again and answers everything at once. Version ${from} does not come back by itself.`,
    endsOwn: "The rollout of this version ends.",
    endsOther: (version: number) => `The rollout of version ${version}, which was compared with it, is aborted.`,
    chain: "What led to it, the oldest first",
    broke: (monitor: string) => `Quality broke its promise: ${monitor}`,
    drifted: (monitor: string) => `The inputs drifted: ${monitor}`,
    ofVersion: (version: number) => `Champion then: version ${version}`,
    reacted: (reaction: string) => `The reaction “${reaction}” started a retraining`,
    ran: (pipeline: string, state: string) => (state === "finished" ? `The pipeline ${pipeline} ran` : `The pipeline ${pipeline}: ${state}`),
    theRun: "run",
    startedBy: (by: string) => (by.startsWith(BY_ITSELF) ? "started by the loop" : by === "" ? "from outside" : `started by ${by}`),
    registered: (version: number, role: string) => `Version ${version} was registered${role === "" ? "" : ` as ${role}`}`,
    trainedOn: (window: string, rows: number | null) => [window === "" ? "" : `window ${window}`, rows === null ? "" : manyEn(rows, "row", "rows")].filter((part) => part !== "").join(", ") || "–",
    judged: (verdict: string, gates: number) =>
      ({ passed: gates > 0 ? `It passed its ${manyEn(gates, "gate", "gates")}` : "It passed its gates", failed: "It did not pass its gates", inconclusive: "The gates had not enough evidence yet", dropped: "There was never enough evidence" })[verdict] ?? verdict,
    against: (champion: number | null) => (champion === null ? "There was no champion to compare with" : `Compared with champion version ${champion}, on the same rows`),
    approved: (state: string, by: string, role: string) =>
      ({ granted: `${by} approved it`, refused: `${by} refused it`, pending: `It waits for the approval of a ${role}`, expired: `No ${role} decided in time`, superseded: "The question was taken back" })[state] ?? state,
    toReview: "Review it",
    released: (state: string, version: number, incumbent: number | null) =>
      (({ running: `Version ${version} is being released`, waiting: `Version ${version} waits for the endpoint`, finished: `Version ${version} was released by stages`, aborted: `The rollout of version ${version} was aborted`, superseded: `The rollout of version ${version} was withdrawn` })[state] ?? state) +
      (incumbent === null ? "" : `, beside version ${incumbent}`),
    theRollout: "rollout",
    guardBroke: (guard: string) => `Broken guard: ${guard}`,
    origin: (version: number) => `Version ${version} was champion`,
    itsStory: "Its own story stands on its page",
    crowned: (version: number, endpoint: string, environment: string) => `Version ${version} became champion of ${endpoint} in ${environment}`,
    inPlaceOf: (former: number) => `Behind it stands version ${former}`,
    rolledBack: (by: string, from: number, to: number) => `${by} rolled back from version ${from} to version ${to}`,
    between: (from: string, to: string) => `${from} to ${to}, UTC`,
    promisedWas: (bound: string, below: boolean) => `against ${below ? "at most" : "at least"} ${bound}`,
    rows: (count: number) => manyEn(count, "row", "rows"),
    labelled: (share: string) => `${share} with a label`,
    evidence: "Evidence of each gate",
    gate: "Gate",
    figure: "Figure",
    interval: "Interval and bound",
    boundHead: "Bound",
    verdict: "Verdict",
    verdicts: { passed: "passed", failed: "failed", not_enough_evidence: "not enough evidence", not_applicable: "nothing to compare" } as Record<string, string>,
    heldOut: (from: string, to: string) => `Held-out rows of ${from} to ${to}, UTC, which neither model had seen`,
    candidate: (one: number, other: number) => `Candidate ${one} beside candidate ${other}:`,
    choices: { "default.first": "the first one stays, as no other was shown to be better", "interval.better": "the interval says better", "only.one": "it was the only one" } as Record<string, string>,
    ahead: "ahead",
    now: "now",
    atOnce: "at once",
    aborted: "aborted",
    guards: "Aborts if",
    sideName: (version: number, role: string) => `Version ${version}${role === "" ? "" : `, ${role}`}`,
    madeOf: (version: number) => `What version ${version} is made of`,
    beside: (older: string, newer: string) => `${newer} beside ${older.charAt(0).toLowerCase()}${older.slice(1)}`,
    compareRuns: "Compare their runs and code",
    madeOfCaption: "What both versions are made of",
    params: "Other parameters",
    libraries: "Other libraries",
    columns: "Other columns of the signature",
    measured: "Metrics of both versions",
    metric: "Metric",
    difference: "Difference (more is better)",
    differenceHint: "Of pairs on the same rows, with its interval; signed so that more is better",
    noPair: "not judged on the same rows",
    otherRows: "of its own judgement, on other rows",
    onRows: "On",
    rowsDays: (rows: number, days: number) => `${manyEn(rows, "row", "rows")}, ${manyEn(days, "day", "days")}`,
    facts: {
      data: "Training window", snapshots: "Snapshot", window: "Window", code: "Code", params: "Parameters", lock: "Lock", columns: "Signature", package: "Package",
      bytes: "Package size", answers: "Answers by", by: "Made by", created: "Registered",
    },
    theSame: "the same",
    seenUntil: (day: string) => `nothing after ${day}, UTC, was seen`,
    commit: (commit: string) => `commit ${commit}`,
    parts: (count: number) => manyEn(count, "part", "parts"),
    columnCount: (count: number) => manyEn(count, "column", "columns"),
    files: (count: number) => `in ${manyEn(count, "file", "files")}`,
    compiled: (path: string) => `compiled: ${path}`,
    native: "native model",
    proved: (rows: number, difference: string) => `proved equal on ${manyEn(rows, "row", "rows")}${difference === "" ? "" : `; greatest difference ${difference}`}`,
    champions: "Champions",
    versionHead: "Version",
    from: "Since",
    reigned: "For",
    cameHead: "How it came",
    wentHead: "How it went",
    came: (turn: Turn) =>
      ({ rollout: turn.version === null ? "by its rollout, the first one" : `by its rollout, after version ${turn.version}`, came_back: `back from version ${turn.version ?? "?"}${brief(becauseEn, turn.because)}`, rolled_back: `back: ${turn.by} rolled back from version ${turn.version ?? "?"}` })[turn.how as string] ?? turn.how,
    went: (turn: Turn) =>
      ({ serves: "it serves", replaced: `version ${turn.version ?? "?"} came by its rollout`, aborted: `taken back${brief(becauseEn, turn.because)}`, rolled_back: `${turn.by} rolled back${turn.version === null ? "" : ` to version ${turn.version}`}` })[turn.how as string] ?? turn.how,
    courseOf: (monitor: string, windows: number, broken: number) => `${monitor}: ${manyEn(windows, "window", "windows")}, ${broken} broke the promise`,
    timesOf: "Times of the champions",
    untilNow: "now",
    role: "Role",
    roles: { champion: "champion", challenger: "challenger", candidate: "candidate", "": "–" } as Record<string, string>,
    outcome: "What became of it",
    more: "More",
    versions: "All versions",
    older: "Older versions",
  },
  fr: {
    question: "Pourquoi cette version est-elle là ?",
    whyChampion: (version: number) => `Pourquoi la version ${version} est champion`,
    became: (version: number) => `Ce qu’est devenue la version ${version}`,
    noVersion: "Aucune version",
    empty: "Aucune version de ce modèle n’est encore enregistrée : entraînez la première.",
    noChain: "Aucun événement ne parle de cette version : elle a été enregistrée avant que Regie ne surveille, ou d’ailleurs.",
    toChampion: (version: number) => `Vers le champion, version ${version}`,
    noChampion: "aucun champion",
    serves: (version: number, endpoint: string, environment: string) => `la version ${version} sert ${endpoint} en ${environment}`,
    competes: (version: number) => `la version ${version} concourt`,
    version: (version: number) => `Version ${version}`,
    rollBack: "Revenir en arrière",
    backTo: "retour à",
    backMeans: (from: number, to: number, endpoint: string, environment: string) =>
      `La version ${to} redevient champion de ${endpoint} en ${environment} et répond à tout, tout de suite. La version ${from} ne revient pas d’elle-même.`,
    endsOwn: "La mise en service de cette version prend fin.",
    endsOther: (version: number) => `La mise en service de la version ${version}, qui lui était comparée, est abandonnée.`,
    chain: "Ce qui y a mené, du plus ancien au plus récent",
    broke: (monitor: string) => `La qualité a manqué à sa promesse : ${monitor}`,
    drifted: (monitor: string) => `Les entrées ont dérivé : ${monitor}`,
    ofVersion: (version: number) => `Champion alors : version ${version}`,
    reacted: (reaction: string) => `La réaction « ${reaction} » a lancé un réentraînement`,
    ran: (pipeline: string, state: string) => (state === "finished" ? `Le pipeline ${pipeline} s’est exécuté` : `Le pipeline ${pipeline} : ${state}`),
    theRun: "exécution",
    startedBy: (by: string) => (by.startsWith(BY_ITSELF) ? "lancé par la boucle" : by === "" ? "d’ailleurs" : `lancé par ${by}`),
    registered: (version: number, role: string) => `La version ${version} a été enregistrée${role === "" ? "" : ` comme ${role === "candidate" ? "candidat" : role}`}`,
    trainedOn: (window: string, rows: number | null) => [window === "" ? "" : `fenêtre ${window}`, rows === null ? "" : manyFr(rows, "ligne", "lignes")].filter((part) => part !== "").join(", ") || "–",
    judged: (verdict: string, gates: number) =>
      ({ passed: gates > 0 ? `Elle a satisfait ses ${manyFr(gates, "critère", "critères")}` : "Elle a satisfait ses critères", failed: "Elle n’a pas satisfait ses critères", inconclusive: "Pas encore assez de preuves pour les critères", dropped: "Il n’y a jamais eu assez de preuves" })[verdict] ?? verdict,
    against: (champion: number | null) => (champion === null ? "Il n’y avait pas de champion à qui la comparer" : `Comparée au champion, version ${champion}, sur les mêmes lignes`),
    approved: (state: string, by: string, role: string) =>
      ({ granted: `${by} l’a approuvée`, refused: `${by} l’a refusée`, pending: `Elle attend l’approbation d’une personne de rôle ${role}`, expired: `Personne de rôle ${role} n’a décidé à temps`, superseded: "La question a été reprise" })[state] ?? state,
    toReview: "L’examiner",
    released: (state: string, version: number, incumbent: number | null) =>
      (({ running: `La version ${version} est en cours de mise en service`, waiting: `La version ${version} attend le point de terminaison`, finished: `La version ${version} a été mise en service par paliers`, aborted: `La mise en service de la version ${version} a été abandonnée`, superseded: `La mise en service de la version ${version} a été retirée` })[state] ?? state) +
      (incumbent === null ? "" : `, à côté de la version ${incumbent}`),
    theRollout: "mise en service",
    guardBroke: (guard: string) => `Garde-fou rompu : ${guard}`,
    origin: (version: number) => `La version ${version} était champion`,
    itsStory: "Son histoire est sur sa page",
    crowned: (version: number, endpoint: string, environment: string) => `La version ${version} est devenue champion de ${endpoint} en ${environment}`,
    inPlaceOf: (former: number) => `Derrière elle se tient la version ${former}`,
    rolledBack: (by: string, from: number, to: number) => `${by} est revenu de la version ${from} à la version ${to}`,
    between: (from: string, to: string) => `du ${from} au ${to}, UTC`,
    promisedWas: (bound: string, below: boolean) => `contre ${below ? "au plus" : "au moins"} ${bound}`,
    rows: (count: number) => manyFr(count, "ligne", "lignes"),
    labelled: (share: string) => `${share} avec une vérité`,
    evidence: "Preuve de chaque critère",
    gate: "Critère",
    figure: "Valeur",
    interval: "Intervalle et borne",
    boundHead: "Borne",
    verdict: "Verdict",
    verdicts: { passed: "satisfait", failed: "non satisfait", not_enough_evidence: "preuve insuffisante", not_applicable: "sans objet" } as Record<string, string>,
    heldOut: (from: string, to: string) => `Données réservées du ${from} au ${to}, UTC, qu’aucun des deux modèles n’avait vues`,
    candidate: (one: number, other: number) => `Candidat ${one} à côté du candidat ${other} :`,
    choices: { "default.first": "le premier reste, car aucun autre n’est montré meilleur", "interval.better": "l’intervalle dit meilleur", "only.one": "c’était le seul" } as Record<string, string>,
    ahead: "à venir",
    now: "en cours",
    atOnce: "d’un coup",
    aborted: "abandonné",
    guards: "Abandonne si",
    sideName: (version: number, role: string) => `Version ${version}${role === "" ? "" : `, ${role}`}`,
    madeOf: (version: number) => `De quoi la version ${version} est faite`,
    beside: (older: string, newer: string) => `${newer} à côté de la ${older.charAt(0).toLowerCase()}${older.slice(1)}`,
    compareRuns: "Comparer leurs exécutions et leur code",
    madeOfCaption: "De quoi les deux versions sont faites",
    params: "Autres paramètres",
    libraries: "Autres bibliothèques",
    columns: "Autres colonnes de la signature",
    measured: "Métriques des deux versions",
    metric: "Métrique",
    difference: "Différence (plus est mieux)",
    differenceHint: "De paires sur les mêmes lignes, avec son intervalle ; le signe est tel que plus est mieux",
    noPair: "non jugées sur les mêmes lignes",
    otherRows: "de son propre jugement, sur d’autres lignes",
    onRows: "Sur",
    rowsDays: (rows: number, days: number) => `${manyFr(rows, "ligne", "lignes")}, ${manyFr(days, "jour", "jours")}`,
    facts: {
      data: "Fenêtre d’entraînement", snapshots: "Instantané", window: "Fenêtre", code: "Code", params: "Paramètres", lock: "Verrou", columns: "Signature", package: "Paquet",
      bytes: "Taille du paquet", answers: "Répond par", by: "Faite par", created: "Enregistrée",
    },
    theSame: "identique",
    seenUntil: (day: string) => `rien d’après le ${day}, UTC, n’a été vu`,
    commit: (commit: string) => `commit ${commit}`,
    parts: (count: number) => manyFr(count, "élément", "éléments"),
    columnCount: (count: number) => manyFr(count, "colonne", "colonnes"),
    files: (count: number) => `en ${manyFr(count, "fichier", "fichiers")}`,
    compiled: (path: string) => `compilé : ${path}`,
    native: "modèle natif",
    proved: (rows: number, difference: string) => `égalité prouvée sur ${manyFr(rows, "ligne", "lignes")}${difference === "" ? "" : ` ; plus grande différence ${difference}`}`,
    champions: "Champions",
    versionHead: "Version",
    from: "Depuis",
    reigned: "Durée",
    cameHead: "Comment elle est venue",
    wentHead: "Comment elle est partie",
    came: (turn: Turn) =>
      ({ rollout: turn.version === null ? "par sa mise en service, la première" : `par sa mise en service, après la version ${turn.version}`, came_back: `revenue de la version ${turn.version ?? "?"}${brief(becauseFr, turn.because)}`, rolled_back: `revenue : ${turn.by} a ramené de la version ${turn.version ?? "?"}` })[turn.how as string] ?? turn.how,
    went: (turn: Turn) =>
      ({ serves: "elle sert", replaced: `la version ${turn.version ?? "?"} est venue par sa mise en service`, aborted: `retirée${brief(becauseFr, turn.because)}`, rolled_back: `${turn.by} est revenu en arrière${turn.version === null ? "" : `, à la version ${turn.version}`}` })[turn.how as string] ?? turn.how,
    courseOf: (monitor: string, windows: number, broken: number) => `${monitor} : ${manyFr(windows, "fenêtre", "fenêtres")}, ${broken} en manquement`,
    timesOf: "Temps des champions",
    untilNow: "maintenant",
    role: "Rôle",
    roles: { champion: "champion", challenger: "challenger", candidate: "candidat", "": "–" } as Record<string, string>,
    outcome: "Ce qu’elle est devenue",
    more: "Plus",
    versions: "Toutes les versions",
    older: "Versions plus anciennes",
  },
});

const TONES: Record<string, Tone> = {
  champion: "good", "rollout.running": "moving", "rollout.waiting": "moving", "approval.pending": "needs", "champion.taken_back": "bad", "champion.former": "off",
  "rollout.aborted": "bad", "approval.refused": "bad", "approval.expired": "bad", "gates.judging": "moving", "gates.waiting": "quiet", "gates.failed": "bad",
  "gates.dropped": "bad", "release.next": "moving", "gates.next": "moving",
};

export function toneOf(outcome: string): Tone {
  return TONES[outcome] ?? "off";
}

const OUTCOMES: Record<Language, Record<string, string>> = {
  en: {
    champion: "champion", "rollout.running": "being released", "rollout.waiting": "waits for the endpoint", "approval.pending": "waits for an approval",
    "champion.taken_back": "was champion, taken back", "champion.former": "was champion", "rollout.aborted": "rollout aborted", "approval.refused": "refused",
    "approval.expired": "not approved", "rollout.superseded": "rollout withdrawn", "gates.judging": "before the gates", "gates.waiting": "waits for its rows",
    "gates.failed": "did not pass its gates", "gates.dropped": "given up by the gates", "release.next": "about to be released", "gates.passed": "passed its gates, competes no longer",
    "gates.next": "about to be judged", candidate: "was not chosen to compete", registered: "registered",
  },
  fr: {
    champion: "champion", "rollout.running": "en cours de mise en service", "rollout.waiting": "attend le point de terminaison", "approval.pending": "attend une approbation",
    "champion.taken_back": "a été champion, retirée", "champion.former": "a été champion", "rollout.aborted": "mise en service abandonnée", "approval.refused": "refusée",
    "approval.expired": "non approuvée", "rollout.superseded": "mise en service retirée", "gates.judging": "devant les critères", "gates.waiting": "attend ses lignes",
    "gates.failed": "n’a pas satisfait ses critères", "gates.dropped": "abandonnée par les critères", "release.next": "bientôt mise en service",
    "gates.passed": "a satisfait ses critères, ne concourt plus", "gates.next": "bientôt jugée", candidate: "n’a pas été choisie", registered: "enregistrée",
  },
};
/** Outcomes whose rule says more. */
const WITH_REASON = new Set(["champion.taken_back", "rollout.aborted", "rollout.superseded", "gates.failed", "gates.dropped", "approval.expired"]);

/** What became of a version; a code that this page does not know is shown as it is. */
export function outcomeOf(language: Language, outcome: Why): string {
  const said = OUTCOMES[language][outcome.code] ?? outcome.code;
  const because = String(outcome.values?.because ?? "");
  const by = String(outcome.values?.by ?? "");
  if (outcome.code === "approval.refused" && by !== "") return `${said} (${by})`;
  return WITH_REASON.has(outcome.code) ? `${said}${brief(language === "fr" ? becauseFr : becauseEn, because)}` : said;
}

addWhy({
  en: {
    "champion.none": () => "No version is champion: there is nothing to go back from.",
    "champion.first": (of) => `Version ${String(of.version)} is the first champion: there is nobody to go back to.`,
    "champion.several": () => "It is champion of several endpoints: name one with --endpoint in a terminal.",
    "former.deleted": (of) => `Version ${String(of.version)}, the former champion, was deleted.`,
    "former.archived": (of) => `Version ${String(of.version)}, the former champion, is archived.`,
  },
  fr: {
    "champion.none": () => "Aucune version n’est champion : il n’y a rien d’où revenir.",
    "champion.first": (of) => `La version ${String(of.version)} est le premier champion : il n’y a personne avant elle.`,
    "champion.several": () => "Champion de plusieurs points de terminaison : nommez-en un avec --endpoint dans un terminal.",
    "former.deleted": (of) => `La version ${String(of.version)}, l’ancien champion, a été supprimée.`,
    "former.archived": (of) => `La version ${String(of.version)}, l’ancien champion, est archivée.`,
  },
});
