/* The sentences of the control room. What a station says is a code of the server's table (`loop/standing.py`). */
import { type Language, manyEn, manyFr, words } from "@/app/i18n";
import { formats } from "@/design/formats";
import { type Why, type WhyValues, whySentence } from "@/design/why";
import type { ControlRoom } from "./query";

type Summary = ControlRoom["summary"];

function joined(parts: readonly string[], and: string): string {
  return parts.length < 2 ? (parts[0] ?? "") : `${parts.slice(0, -1).join(", ")} ${and} ${parts[parts.length - 1] as string}`;
}

function summaryEn(of: Summary): string {
  const urgent = [
    of.you > 0 ? `${manyEn(of.you, "model needs", "models need")} you` : "",
    of.somebody > 0 ? `${of.somebody} ${of.somebody === 1 ? "waits" : "wait"} for somebody else` : "",
    of.broken > 0 ? `${of.broken} ${of.broken === 1 ? "is" : "are"} broken` : "",
  ].filter((part) => part !== "");
  const calm = [of.working > 0 ? `${of.working} at work` : "", of.quiet > 0 ? `${of.quiet} quiet` : ""].filter((part) => part !== "");
  if (urgent.length === 0) return `Nobody is needed: ${joined(calm, "and")} of ${manyEn(of.models, "model", "models")}.`;
  return `${joined(urgent, "and")}${calm.length > 0 ? `; ${joined(calm, "and")}` : ""}.`;
}

function summaryFr(of: Summary): string {
  const urgent = [
    of.you > 0 ? (of.you === 1 ? "1 modèle a besoin de vous" : `${manyFr(of.you, "", "modèles")} ont besoin de vous`) : "",
    of.somebody > 0 ? `${of.somebody} ${of.somebody === 1 ? "attend" : "attendent"} quelqu’un d’autre` : "",
    of.broken > 0 ? `${of.broken} en panne` : "",
  ].filter((part) => part !== "");
  const calm = [of.working > 0 ? `${of.working} en cours` : "", of.quiet > 0 ? `${of.quiet} au calme` : ""].filter((part) => part !== "");
  if (urgent.length === 0) return `Personne n’est attendu : ${joined(calm, "et")} sur ${manyFr(of.models, "modèle", "modèles")}.`;
  return `${joined(urgent, "et")}${calm.length > 0 ? ` ; ${joined(calm, "et")}` : ""}.`;
}

export const roomWords = words({
  en: {
    title: "Control room",
    question: "Who needs me now?",
    summary: summaryEn,
    caption: "Models, those that need somebody first, with their place in the loop",
    model: "Model",
    standing: "Now",
    promised: "Promised metric",
    find: "Find a model",
    byNeed: "By need",
    noneFits: "No model fits what you look for.",
    shown: (count: number, total: number) => `${count} of ${total} models.`,
    showAll: "Show all",
    stations: { data: "Data", run: "Run", gates: "Gates", release: "Release", watch: "Watch" },
    states: { none: "nothing yet", quiet: "at rest", noted: "noted", working: "at work", waiting: "waits", needs: "needs somebody", broken: "broken" },
    needs: { you: "Needs you", somebody: "Waits for somebody else", broken: "Broken", working: "At work", quiet: "Quiet" },
    until: (when: string) => `until ${when}`,
    whom: (role: string, holders: readonly string[]) =>
      holders.length > 0 ? `Waits for ${joined(holders, "or")} (${role})` : `Waits for a person with the role ${role}; nobody holds it yet`,
    you: { "approval.grant": "You decide", "rollout.resume": "You may resume it", "rollout.abort": "You may end it", "pipeline.run": "You may start it" } as Record<string, string>,
    youAct: "You may act",
    act: { "approval.grant": "Review it", "rollout.resume": "Open the rollout", "rollout.abort": "Open the rollout" } as Record<string, string>,
    look: "Look",
    noWindow: "No window has closed yet",
    course: (monitor: string, last: string, bound: string, broken: number, windows: number, below: boolean) =>
      `${monitor}: last ${last}${bound ? `, promised ${below ? "at most" : "at least"} ${bound}` : ""}; ${broken} of ${manyEn(windows, "window", "windows")} broke the promise`,
    tracked: "Tracked only",
    trackedNote: "Runs without a regie.yaml: nothing is promised, so nobody is needed",
    experiments: (count: number) => manyEn(count, "experiment", "experiments"),
    newestRun: "newest run",
    empty: "No model is watched yet. A regie.yaml says what is promised about one; Regie then runs its loop and shows it here.",
    noneApplied: "Runs are tracked here, but no regie.yaml is applied yet: no model has a promise to keep.",
    steps: [
      "Make a project that runs, with its regie.yaml",
      "Start server, worker and serving node, unless they run already",
      "Apply its promises",
      "Train the first version",
    ],
    tracking: "To track runs from a notebook, MLFLOW_TRACKING_URI with this address is enough.",
  },
  fr: {
    title: "Salle de contrôle",
    question: "Qui a besoin de moi maintenant ?",
    summary: summaryFr,
    caption: "Modèles, d’abord ceux qui ont besoin de quelqu’un, et leur place dans la boucle",
    model: "Modèle",
    standing: "En ce moment",
    promised: "Métrique promise",
    find: "Chercher un modèle",
    byNeed: "Par besoin",
    noneFits: "Aucun modèle ne correspond.",
    shown: (count: number, total: number) => `${count} modèles sur ${total}.`,
    showAll: "Tout afficher",
    stations: { data: "Données", run: "Exécution", gates: "Critères", release: "Mise en service", watch: "Surveillance" },
    states: { none: "rien encore", quiet: "au repos", noted: "noté", working: "en cours", waiting: "attend", needs: "attend quelqu’un", broken: "en panne" },
    needs: { you: "Vous êtes attendu", somebody: "Attend quelqu’un d’autre", broken: "En panne", working: "En cours", quiet: "Au calme" },
    until: (when: string) => `jusqu’au ${when}`,
    whom: (role: string, holders: readonly string[]) =>
      holders.length > 0 ? `Attend ${joined(holders, "ou")} (${role})` : `Attend une personne de rôle ${role} ; personne ne l’a encore`,
    you: { "approval.grant": "À vous de décider", "rollout.resume": "Vous pouvez reprendre", "rollout.abort": "Vous pouvez l’abandonner", "pipeline.run": "Vous pouvez la lancer" } as Record<string, string>,
    youAct: "Vous pouvez agir",
    act: { "approval.grant": "Examiner", "rollout.resume": "Voir la mise en service", "rollout.abort": "Voir la mise en service" } as Record<string, string>,
    look: "Voir",
    noWindow: "Aucune fenêtre close pour l’instant",
    course: (monitor: string, last: string, bound: string, broken: number, windows: number, below: boolean) =>
      `${monitor} : dernière ${last}${bound ? `, promis ${below ? "au plus" : "au moins"} ${bound}` : ""} ; ${broken} sur ${manyFr(windows, "fenêtre", "fenêtres")} en manquement`,
    tracked: "Suivi seulement",
    trackedNote: "Des exécutions sans regie.yaml : rien n’est promis, personne n’est attendu",
    experiments: (count: number) => manyFr(count, "expérience", "expériences"),
    newestRun: "dernière exécution",
    empty: "Aucun modèle n’est encore surveillé. Un regie.yaml dit ce qui est promis ; Regie fait alors tourner sa boucle et la montre ici.",
    noneApplied: "Des exécutions sont suivies ici, mais aucun regie.yaml n’est appliqué : aucun modèle n’a de promesse à tenir.",
    steps: [
      "Créer un projet qui tourne, avec son regie.yaml",
      "Démarrer serveur, exécuteur et nœud de service, s’ils ne tournent pas déjà",
      "Appliquer ses promesses",
      "Entraîner la première version",
    ],
    tracking: "Pour suivre les exécutions d’un notebook, MLFLOW_TRACKING_URI avec cette adresse suffit.",
  },
});

const v = (of: WhyValues): string => `v${String(of.version)}`;
const percent = (language: Language, of: WhyValues): string => formats(language).percent(of.share as number);
const number = (language: Language, value: WhyValues[string]): string => formats(language).number(value as number);
const stageEn: Record<string, string> = { shadow: "Shadow", canary: "Canary", full: "Full", watch: "Watch" };
const stageFr: Record<string, string> = { shadow: "Shadow", canary: "Canary", full: "Full", watch: "Watch" };
const shareOf = (language: Language, of: WhyValues): string => (of.share === null || of.share === undefined ? "" : ` (${percent(language, of)})`);

interface Said {
  /** One or two words under the station. */
  short: (of: WhyValues) => string;
  /** The whole sentence. */
  long: (of: WhyValues) => string;
}

const EN: Record<string, Said> = {
  "contract.broken": { short: () => "contract broken", long: (of) => `The newest data of ${String(of.dataset)} break their contract: nothing is trained on them` },
  "data.kept": { short: () => "kept", long: () => "The data keep their contract" },
  "data.none": { short: () => "not read yet", long: () => "No dataset was read yet" },
  "run.running": { short: () => "training", long: (of) => `The pipeline ${String(of.pipeline)} runs` },
  "run.queued": { short: () => "queued", long: (of) => `The pipeline ${String(of.pipeline)} waits for a worker` },
  "run.failed": { short: () => "failed", long: (of) => `The retraining by ${String(of.pipeline)} failed` },
  "run.failed_by_hand": { short: () => "failed", long: (of) => `A run of ${String(of.pipeline)} by ${String(of.by)} failed` },
  "run.none": { short: () => "no run yet", long: () => "Nothing was trained yet" },
  "run.cancelled": { short: () => "cancelled", long: (of) => `The last run of ${String(of.pipeline)} was cancelled` },
  "run.finished": { short: () => "finished", long: (of) => `The last run of ${String(of.pipeline)} finished` },
  "run.elsewhere": { short: () => "none", long: () => "No pipeline of its own has run here" },
  "gates.judging": { short: (of) => `judging ${v(of)}`, long: (of) => `Version ${String(of.version)} is being judged` },
  "gates.rows_immature": { short: () => "rows ripen", long: (of) => `Version ${String(of.version)} waits for held-out rows with mature labels` },
  "gates.next": { short: () => "next", long: () => "A challenger is about to be judged" },
  "evaluation.failed": { short: () => "not judged", long: (of) => `The judgement of version ${String(of.version)} itself failed` },
  "gates.failed": { short: (of) => `${v(of)} refused`, long: (of) => `Version ${String(of.version)} did not pass its gates` },
  "gates.dropped": { short: (of) => `${v(of)} dropped`, long: (of) => `There was never enough evidence on version ${String(of.version)}` },
  "gates.passed": { short: (of) => `${v(of)} passed`, long: (of) => `Version ${String(of.version)} passed its gates` },
  "gates.none": { short: () => "none", long: () => "No version came to the gates yet" },
  "approval.pending": { short: () => "approval", long: (of) => `Version ${String(of.version)} passed its gates and waits for an approval` },
  "rollout.paused": { short: () => "paused", long: (of) => `${stageEn[String(of.stage)] ?? String(of.stage)}${shareOf("en", of)} of version ${String(of.version)} is paused` },
  "stage.inconclusive": { short: () => "inconclusive", long: (of) => `The stage ${String(of.stage)} of version ${String(of.version)} never saw its ${String(of.requests)} requests` },
  "stage.too_thin": { short: (of) => String(of.stage), long: (of) => `${stageEn[String(of.stage)] ?? String(of.stage)}${shareOf("en", of)} of version ${String(of.version)} waits for its ${String(of.requests)} requests` },
  "stage.taken_up": { short: (of) => String(of.stage), long: (of) => `The nodes take up the route of version ${String(of.version)}` },
  "stage.running": { short: (of) => `${String(of.stage)}${of.share ? ` ${percent("en", of)}` : ""}`, long: (of) => `Version ${String(of.version)} is in ${String(of.stage)}${shareOf("en", of)}` },
  "rollout.waiting": { short: () => "waits", long: (of) => `Version ${String(of.version)} waits for the endpoint` },
  "release.next": { short: () => "next", long: (of) => `Version ${String(of.version)} is about to be released` },
  "champion.serves": { short: (of) => `${v(of)} serves`, long: (of) => `Version ${String(of.version)} is champion` },
  "champion.none": { short: () => "none", long: () => "There is no champion yet" },
  "quality.breached": {
    short: () => "promise broken",
    long: (of) => `Quality broke its promise: ${number("en", of.value ?? null)} against ${number("en", of.bound ?? null)}`,
  },
  "nodes.none": { short: () => "no node", long: () => "No serving node lives: the endpoint may not answer" },
  "package.failed": { short: () => "not loaded", long: (of) => `A node cannot load what it should serve (champion: version ${String(of.version)})` },
  "nodes.behind": { short: () => "taking up", long: (of) => `${String(of.behind)} of ${manyEn(Number(of.nodes), "node", "nodes")} still answer by the former route` },
  "drift.detected": { short: () => "drift", long: () => "The inputs drift; the promised quality holds" },
  "stage.watch": { short: () => "new champion", long: (of) => `Champion version ${String(of.version)} is watched beside the former one` },
  "quality.not_promised": { short: () => "no promise", long: () => "Nothing is promised about quality in production" },
  "window.none": { short: () => "no window yet", long: () => "No window with mature labels has closed since the crowning" },
  "quality.kept": { short: () => "kept", long: (of) => `Version ${String(of.version)} keeps its promise: ${number("en", of.value ?? null)} against ${number("en", of.bound ?? null)}` },
  "window.undecided": { short: () => "undecided", long: () => "The newest window says neither kept nor broken" },
};

const FR: Record<string, Said> = {
  "contract.broken": { short: () => "contrat rompu", long: (of) => `Les dernières données de ${String(of.dataset)} rompent leur contrat : rien n’est entraîné dessus` },
  "data.kept": { short: () => "tenu", long: () => "Les données tiennent leur contrat" },
  "data.none": { short: () => "pas encore lues", long: () => "Aucun jeu de données n’a encore été lu" },
  "run.running": { short: () => "entraînement", long: (of) => `Le pipeline ${String(of.pipeline)} s’exécute` },
  "run.queued": { short: () => "en file", long: (of) => `Le pipeline ${String(of.pipeline)} attend un exécuteur` },
  "run.failed": { short: () => "échouée", long: (of) => `Le réentraînement par ${String(of.pipeline)} a échoué` },
  "run.failed_by_hand": { short: () => "échouée", long: (of) => `Une exécution de ${String(of.pipeline)} par ${String(of.by)} a échoué` },
  "run.none": { short: () => "aucune", long: () => "Rien n’a encore été entraîné" },
  "run.cancelled": { short: () => "annulée", long: (of) => `La dernière exécution de ${String(of.pipeline)} a été annulée` },
  "run.finished": { short: () => "terminée", long: (of) => `La dernière exécution de ${String(of.pipeline)} est terminée` },
  "run.elsewhere": { short: () => "aucune", long: () => "Aucun pipeline à lui ne s’est exécuté ici" },
  "gates.judging": { short: (of) => `juge ${v(of)}`, long: (of) => `La version ${String(of.version)} est en cours de jugement` },
  "gates.rows_immature": { short: () => "lignes à mûrir", long: (of) => `La version ${String(of.version)} attend des données réservées aux vérités mûres` },
  "gates.next": { short: () => "bientôt", long: () => "Un challenger va être jugé" },
  "evaluation.failed": { short: () => "non jugée", long: (of) => `Le jugement de la version ${String(of.version)} a lui-même échoué` },
  "gates.failed": { short: (of) => `${v(of)} refusée`, long: (of) => `La version ${String(of.version)} n’a pas satisfait ses critères` },
  "gates.dropped": { short: (of) => `${v(of)} abandonnée`, long: (of) => `Il n’y a jamais eu assez de preuves sur la version ${String(of.version)}` },
  "gates.passed": { short: (of) => `${v(of)} satisfait`, long: (of) => `La version ${String(of.version)} a satisfait ses critères` },
  "gates.none": { short: () => "aucun", long: () => "Aucune version n’est encore venue devant les critères" },
  "approval.pending": { short: () => "approbation", long: (of) => `La version ${String(of.version)} a satisfait ses critères et attend une approbation` },
  "rollout.paused": { short: () => "en pause", long: (of) => `${stageFr[String(of.stage)] ?? String(of.stage)}${shareOf("fr", of)} de la version ${String(of.version)} : en pause` },
  "stage.inconclusive": { short: () => "sans conclusion", long: (of) => `Le palier ${String(of.stage)} de la version ${String(of.version)} n’a jamais vu ses ${String(of.requests)} requêtes` },
  "stage.too_thin": { short: (of) => String(of.stage), long: (of) => `${stageFr[String(of.stage)] ?? String(of.stage)}${shareOf("fr", of)} de la version ${String(of.version)} : attend ses ${String(of.requests)} requêtes` },
  "stage.taken_up": { short: (of) => String(of.stage), long: (of) => `Les nœuds prennent la route de la version ${String(of.version)}` },
  "stage.running": { short: (of) => `${String(of.stage)}${of.share ? ` ${percent("fr", of)}` : ""}`, long: (of) => `La version ${String(of.version)} est au palier ${String(of.stage)}${shareOf("fr", of)}` },
  "rollout.waiting": { short: () => "attend", long: (of) => `La version ${String(of.version)} attend le point de terminaison` },
  "release.next": { short: () => "bientôt", long: (of) => `La version ${String(of.version)} va être mise en service` },
  "champion.serves": { short: (of) => `${v(of)} en service`, long: (of) => `La version ${String(of.version)} est champion` },
  "champion.none": { short: () => "aucun", long: () => "Il n’y a pas encore de champion" },
  "quality.breached": {
    short: () => "manquement",
    long: (of) => `La qualité manque à sa promesse : ${number("fr", of.value ?? null)} contre ${number("fr", of.bound ?? null)}`,
  },
  "nodes.none": { short: () => "aucun nœud", long: () => "Aucun nœud de service ne vit : le point de terminaison ne répond peut-être pas" },
  "package.failed": { short: () => "non chargé", long: (of) => `Un nœud ne peut charger ce qu’il doit servir (champion : version ${String(of.version)})` },
  "nodes.behind": { short: () => "en reprise", long: (of) => `${String(of.behind)} sur ${manyFr(Number(of.nodes), "nœud répond", "nœuds répondent")} encore par l’ancienne route` },
  "drift.detected": { short: () => "dérive", long: () => "Les entrées dérivent ; la qualité promise tient" },
  "stage.watch": { short: () => "nouveau champion", long: (of) => `La version ${String(of.version)}, champion, est surveillée à côté de l’ancienne` },
  "quality.not_promised": { short: () => "sans promesse", long: () => "Rien n’est promis sur la qualité en production" },
  "window.none": { short: () => "aucune fenêtre", long: () => "Aucune fenêtre aux vérités mûres n’est close depuis le couronnement" },
  "quality.kept": { short: () => "tenue", long: (of) => `La version ${String(of.version)} tient sa promesse : ${number("fr", of.value ?? null)} contre ${number("fr", of.bound ?? null)}` },
  "window.undecided": { short: () => "indécise", long: () => "La dernière fenêtre ne dit ni tenue ni rompue" },
};
const SAID: Record<Language, Record<string, Said>> = { en: EN, fr: FR };

/** The sentence of a station; a code that this page does not know is shown as it is. */
export function sentenceOf(language: Language, why: Why): string {
  return SAID[language][why.code]?.long(why.values ?? {}) ?? whySentence(language, why);
}

export function shortOf(language: Language, why: Why): string {
  return SAID[language][why.code]?.short(why.values ?? {}) ?? why.code;
}
