/* The server's errors in French, by their code: the server itself speaks English. A test holds them against its error classes. */

interface Told {
  what: string;
  todo: string;
  /** The French says it all. Elsewhere the server's own sentence stands below it, for the values in it. */
  whole?: true;
}

const SEE_MESSAGE = "Corrigez ce que le message nomme.";
const SEE_LOG = "La raison est dans HOME/logs/server.log.";

export const errorsFr: Readonly<Record<string, Told>> = {
  error: { what: "Le serveur a échoué", todo: SEE_LOG },
  "input.invalid": { what: "Une valeur n’est pas valable", todo: "Corrigez la valeur que le message nomme." },
  "input.too_large": { what: "La demande est plus longue que ce qui est admis", todo: "Envoyez-en moins à la fois." },
  not_found: { what: "Cela n’existe pas ici", todo: "Vérifiez le nom, et l’espace de travail." },
  already_exists: { what: "Ce nom est déjà pris", todo: "Choisissez un autre nom." },
  conflict: { what: "Cela n’est pas possible dans l’état actuel", todo: "Regardez l’état de la chose, il a pu changer entre-temps." },
  not_allowed: { what: "Vous n’en avez pas le droit", todo: "Demandez à quelqu’un dont le rôle le permet." },
  not_there_yet: { what: "Ce mot est réservé : la chose n’existe pas encore", todo: "Retirez-le." },
  missing_extra: { what: "Une bibliothèque facultative n’est pas installée", todo: "Installez-la auprès du serveur." },
  "storage.full": { what: "Le disque est plein ; rien n’a été conservé à moitié", todo: "Faites de la place, puis répétez." },
  "access.bad_token": { what: "Ce jeton est inconnu, échu ou révoqué", todo: "Utilisez un jeton valable." },
  "access.foreign": { what: "La demande ne vient pas de cette machine", todo: "Passez par 127.0.0.1 ou localhost." },
  "session.none": { what: "Vous n’êtes pas connecté, ou ne l’êtes plus", todo: "Dans un terminal, regie open donne un lien pour se connecter.", whole: true },
  "session.refused": { what: "Ce code ou ce jeton n’ouvre rien : faux, déjà utilisé, trop ancien ou révoqué", todo: "Dans un terminal, regie open donne un nouveau lien.", whole: true },
  "session.too_many": { what: "Trop de codes et de jetons faux en une minute", todo: "Attendez une minute.", whole: true },
  "session.somebody_else": { what: "Ce lien connecte une autre personne que celle qui est connectée ici", todo: "Choisissez sous quel nom continuer.", whole: true },
  "stream.full": { what: "Trop de pages écoutent ce serveur", todo: "Fermez-en quelques-unes.", whole: true },
  "store.unreachable": { what: "La base de données ne répond pas", todo: "Réessayez ; sinon, démarrez-la, et vérifiez REGIE_DATABASE.", whole: true },
  "spec.invalid": { what: "regie.yaml enfreint sa grammaire, ou promet ce qui ne peut être tenu", todo: "Corrigez les lignes nommées, puis regie check." },
  "spec.nobody_approves": { what: "Des approbations sont demandées, et personne ne pourrait en donner une", todo: "Donnez à quelqu’un le rôle de validateur, puis appliquez." },
  "expression.malformed": { what: "Cette expression ne suit pas la grammaire", todo: SEE_MESSAGE },
  "project.bad_code": { what: "Le code du projet ne peut être empaqueté ou déballé", todo: "Corrigez le fichier nommé." },
  "pipeline.bad_step": { what: "Une étape ou un pipeline est déclaré de façon impossible à exécuter", todo: "Corrigez la déclaration." },
  "pipeline.bad_graph": { what: "Des étapes ne vont pas ensemble, ou le pipeline calcule lui-même", todo: "Déplacez le calcul dans une étape." },
  "pipeline.plan_failed": { what: "Le graphe du pipeline n’a pu être construit", todo: "Lisez la trace d’appels dans le message." },
  "pipeline.step_failed": { what: "Une tâche a échoué à chacune de ses tentatives", todo: "Lisez le journal de la tâche." },
  "pipeline.wrong_result": { what: "Une étape a rendu ce que son annotation de type n’admet pas", todo: "Corrigez le résultat, ou l’annotation." },
  "pipeline.cancelled": { what: "L’exécution a été annulée, ou reprise ailleurs, pendant son travail", todo: "Relancez le pipeline." },
  "pipeline.launcher": { what: "Le processus qui lance les tâches ne démarre pas", todo: "La raison est dans HOME/logs/worker.log." },
  "task.transfer": { what: "Un contenu n’a pas été transféré : refusé, ou autre que celui demandé", todo: "Répétez ; sinon, voyez HOME/logs/server.log." },
  "run.deleted": { what: "Une exécution supprimée ne prend plus de mesures", todo: "Restaurez-la, ou lancez-en une autre." },
  "run.param_changed": { what: "Un paramètre d’une exécution s’écrit une seule fois ; rien du lot n’a été conservé", todo: "Donnez-lui un autre nom." },
  "train.not_enough_rows": { what: "Les données ne remontent pas assez loin pour entraîner et réserver des lignes", todo: "Plus de lignes, ou un holdout plus court." },
  "data.contract_broken": { what: "Un instantané rompt le contrat de son jeu de données", todo: "Corrigez les données, ou la promesse." },
  "package.broken": { what: "Le paquet n’est pas ce que promet son empreinte ; rien n’en a été conservé", todo: "Journalisez le modèle à nouveau." },
  "package.refused": { what: "Ce processus ne répond pas à partir d’un tel paquet", todo: "Journalisez le modèle sous une forme admise." },
  "package.pickle_refused": { what: "Un pickle nomme ce qui n’est pas sur la liste ; rien n’en a été exécuté", todo: "N’utilisez que ce que la liste admet." },
  "prediction.unknown": { what: "Cet espace de travail n’a jamais donné cet identifiant de prédiction", todo: "Envoyez l’identifiant reçu avec la réponse." },
  "job.stale_fence": { what: "Le travail a été repris par quelqu’un d’autre ; c’est son résultat qui compte", todo: "Rien.", whole: true },
  "clock.not_settled": { what: "Le travail jusqu’à la nouvelle heure n’est pas arrivé au repos à temps", todo: "Regardez les travaux en cours, puis répétez." },
  "audit.broken": { what: "La trace d’audit a été altérée", todo: "Gardez la base telle quelle, cherchez qui y avait accès, restaurez une sauvegarde." },
  "log.broken": { what: "Un segment du journal des prédictions ne peut être lu jusqu’au bout", todo: "Gardez le fichier : ce qui précède l’octet nommé est intact." },
  "node.away": { what: "Un nœud de service n’a pas répondu au serveur", todo: "La raison est dans HOME/logs/serve.log." },
  "serving.no_champion": { what: "Le point de terminaison n’a pas encore de champion", todo: "Il répondra dès qu’une version aura satisfait ses critères." },
  "serving.unknown_endpoint": { what: "Il n’y a pas de point de terminaison de ce nom", todo: "Vérifiez le nom." },
  "serving.wrong_method": { what: "Cette adresse existe, pour une autre méthode", todo: "Utilisez la méthode nommée." },
  "serving.malformed": { what: "Le corps de la requête n’est pas un objet JSON", todo: "Envoyez un objet avec dataframe_records." },
  "serving.bad_row": { what: "Le modèle ne prend pas cette ligne", todo: "Corrigez la colonne nommée." },
  "serving.too_large": { what: "La requête dépasse ce qu’une seule peut contenir", todo: "Envoyez moins de lignes à la fois." },
  "serving.model_failed": { what: "Le champion lui-même a échoué sur cette requête", todo: "La raison est dans HOME/logs/serve.log." },
  "serving.variant_failed": { what: "Le paquet d’une variante ne s’ouvre pas, ou son processus ne démarre pas", todo: "Regardez la mise en service." },
  "serving.log_failed": { what: "Le journal des prédictions ne peut être écrit ; rien n’est répondu sans sa trace", todo: "Faites de la place sur le disque." },
};

/** The words of the tracking API for what has a code of ours. */
const OF_THE_WIRE: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: "access.bad_token",
  PERMISSION_DENIED: "not_allowed",
  RESOURCE_DOES_NOT_EXIST: "not_found",
  RESOURCE_ALREADY_EXISTS: "already_exists",
  NOT_IMPLEMENTED: "not_there_yet",
  TEMPORARILY_UNAVAILABLE: "store.unreachable",
  RESOURCE_EXHAUSTED: "storage.full",
  INVALID_PARAMETER_VALUE: "input.invalid",
};

const FAILED: Told = { what: "Le serveur a échoué", todo: SEE_LOG };
const REFUSED: Told = { what: "Le serveur a refusé la demande", todo: SEE_MESSAGE };

/** A code that nobody knows is at least a failure, or a refusal. */
export function errorFr(code: string, status: number): Told {
  return errorsFr[OF_THE_WIRE[code] ?? code] ?? (status >= 500 ? FAILED : REFUSED);
}
