package sim

import (
	"strconv"
	"time"

	"poterne/internal/i18n"
)

// words is what the page says in one language. Names of attacks and oddities are
// the same in both: the command line knows them by these.
type words struct {
	Group, Point string // between thousands, before decimals

	Title, Question                              string
	Answer, AnswerShort                          string // with figures; without the published cases
	AllMet, SomeMissed                           string
	OfSeeds, Agents, Days                        string
	Attacks, AttacksLead, ChartTitle             string
	Attack, Accounts, Outside, Inside, StoppedAt string
	P95, Aim, Frozen, Never, Opening             string
	Bare, ByRate, ByCap                          string
	Oddities, OdditiesLead, Oddity, Stopped      string
	Honest, HonestLead, Trade, AgentDays         string
	Openings, Unexplained, All                   string
	Freezes, Within, Touches, Identities         string
	Cosigns, AgentsMet, None                     string
	Curve, CurveLead, CurveTitle, CurveX, CurveY string
	FloorLine, Shipped, Times                    string
	Limits                                       string
	LimitsList                                   []string
	Again                                        string

	targets                       map[TargetKind]string
	seconds, minutes, hours, days string
	trades                        map[string]string
	sentences                     map[string]string // of attacks and oddities; empty: as they are written
}

// span says how long something took.
func (w words) span(d time.Duration) string {
	switch {
	case d < time.Second:
		return w.rate(d.Seconds()) + "\u00a0" + w.seconds
	case d < 2*time.Minute:
		return strconv.Itoa(int(d.Seconds()+0.5)) + "\u00a0" + w.seconds
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Minutes()+0.5)) + "\u00a0" + w.minutes
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours()+0.5)) + "\u00a0" + w.hours
	default:
		return strconv.Itoa(int(d.Hours()/24+0.5)) + "\u00a0" + w.days
	}
}

// about tells what an attack or an oddity is.
func (w words) about(name, sentence string) string {
	if said, ok := w.sentences[name]; ok {
		return said
	}
	return sentence
}

// lit names one of the guards in a legend.
func (w words) lit(which string) string {
	return map[string]string{"outside": w.Outside, "inside": w.Inside, "cap": w.ByCap, "rate": w.ByRate, "bare": w.Bare}[which]
}

// target says what a figure counts.
func (w words) target(t Target) string {
	if t.About == "" {
		return w.targets[t.Kind]
	}
	return fill(w.targets[t.Kind], w.trade(t.About))
}

func (w words) trade(name string) string {
	if said, ok := w.trades[name]; ok {
		return said
	}
	return name
}

var wordsIn = map[i18n.Language]words{
	i18n.French: {
		Group: "\u202f", Point: ",",
		Title:       "Poterne\u202f: attaques et journées honnêtes rejouées",
		Question:    "Combien de personnes voit un compte volé\u202f?",
		Answer:      "Dans les trois affaires publiées, au plus {} personnes sans motif, là où l’application seule en a donné jusqu’à {}. Au travail honnête, il est demandé {} geste par agent et par mois, et {} gel injustifié pour 1\u202f000 journées.",
		AnswerShort: "Voici ce que les règles laissent voir, et ce qu’elles coûtent au travail honnête. La même graine redonne la même page.",
		AllMet:      "Les {} objectifs sont tenus.",
		SomeMissed:  "{} objectifs sur {} ne sont pas tenus\u202f:",
		OfSeeds:     "graines", Agents: "agents", Days: "jours",
		Attacks:     "Les attaques",
		AttacksLead: "Personnes montrées sans motif, au 95ᵉ centile des graines. L’échelle est logarithmique\u202f: chaque trait vertical compte dix fois plus de personnes que le précédent.",
		ChartTitle:  "Personnes montrées à chaque attaque, par Poterne et par d’autres protections",
		Attack:      "Attaque", Accounts: "Comptes", Outside: "Poterne, sans motif", Inside: "Poterne, expliquées", StoppedAt: "Premier refus",
		P95: "95ᵉ centile", Aim: "Objectif", Frozen: "Comptes gelés", Never: "jamais", Opening: "nᵒ",
		Bare: "Sans protection", ByRate: "60 ouvertures par minute", ByCap: "100 personnes par jour",
		Oddities:     "Honnête, mais étrange",
		OdditiesLead: "Aucune de ces situations ne doit être gelée. Un geste est une confirmation de quelques secondes\u202f; une cosignature est celle d’une autre personne.",
		Oddity:       "Situation", Stopped: "Arrêtées",
		Honest:     "Le travail ordinaire",
		HonestLead: "Gels injustifiés pour 1\u202f000 journées d’agent, avec leur intervalle à 95\u202f%, les agents étant tirés au sort à nouveau\u202f; gestes et cosignatures par agent et par mois de vingt jours. Le métier le plus sollicité vient en premier.",
		Trade:      "Métier", AgentDays: "Journées d’agent", Openings: "Ouvertures", Unexplained: "Sans motif", All: "Ensemble",
		Freezes: "Gels", Within: "Intervalle", Touches: "Gestes", Identities: "Identités demandées", Cosigns: "Cosignatures",
		AgentsMet: "Agents concernés", None: "aucun",
		Curve:      "Fuite et gêne",
		CurveLead:  "Toutes les franchises et toutes les limites, multipliées par {} à {}. À gauche, le travail honnête n’est presque jamais dérangé\u202f; en bas, le voleur n’obtient presque personne. Les points pleins sont les règles livrées.",
		CurveTitle: "Personnes sans motif au 95ᵉ centile, selon les gestes et cosignatures demandés par agent et par mois",
		CurveX:     "gestes et cosignatures par agent et par mois", CurveY: "personnes",
		FloorLine: "Plancher pour qui connaît toutes les règles, 28 jours\u202f: {}", Shipped: "règles livrées", Times: "Multiplié par",
		Limits: "Ce que cette page ne dit pas",
		LimitsList: []string{
			"Elle vaut pour une ville simulée, dont presque chaque chiffre est une hypothèse\u202f; ils tiennent en un seul fichier.",
			"Les personnes «\u202fexpliquées\u202f» le sont par un fait\u202f: le portefeuille du compte volé, ou un fait forgé par qui tient aussi le système qui le dit. À l’allure du titulaire, aucune règle n’y peut rien\u202f; seuls les droits le peuvent.",
			"Chaque compte est rejoué seul\u202f: les franchises d’une structure, d’un service, du registre, et le rapprochement des comptes n’y figurent pas.",
			"Un taux nul sur n journées ne prouve pas mieux que 3/n.",
		},
		Again: "Pour rejouer",
		targets: map[TargetKind]string{
			Strangers: "personnes sans motif, {}", OwnPeople: "personnes expliquées, {}", OddFreezes: "gels sur {} situations étranges",
			FalseFreezes: "gels injustifiés pour 1\u202f000 journées d’agent, sur {}", TouchesAsked: "gestes par agent et par mois, {}",
		},
		seconds: "s", minutes: "min", hours: "h", days: "j",
		trades: map[string]string{"adviser": "Conseil", "benefits": "Calcul des droits", "desk": "Accueil", "call-centre": "Centre d’appels", "training": "Formation"},
		sentences: map[string]string{
			"france-2024":             "Des sessions de conseillers d’un réseau partenaire lisent à elles toutes 1,3 million de personnes par jour, jour et nuit, pendant 28 jours.",
			"france-2024-slow":        "Les mêmes sessions\u202f; les voleurs ralentissent aux heures de bureau pour rester sous 100 personnes par jour chacun, pendant que les titulaires travaillent.",
			"kairos-2025":             "Le compte d’un organisme de formation, dans le navigateur de son titulaire, demande 340\u202f000 personnes par pages de cent, par un chemin qui oublie de vérifier qui demande.",
			"missions-2025":           "Le compte d’un responsable crée deux comptes, qui lisent 1,6 million de personnes\u202f; le sien essaie aussi.",
			"flat-sweep":              "La session d’un conseiller lit des inconnus, 10 à 50 par seconde, toute une nuit.",
			"flat-sweep-inside":       "De même depuis le navigateur du titulaire, par un voleur qui réussit le geste.",
			"desk-sweep":              "La session d’un accueil, dont la franchise est plus large.",
			"desk-sweep-inside":       "De même depuis le navigateur de l’accueil, par un voleur qui réussit le geste, deux inconnus par minute.",
			"stolen-cookie":           "Le jeton d’une session, appareil compris, est rejoué depuis un hébergeur, un inconnu toutes les cinq secondes.",
			"office-sweep":            "Des inconnus aux heures de bureau, un toutes les deux secondes pendant 28 jours, pendant que le titulaire travaille.",
			"steady-inside":           "Depuis le navigateur du titulaire, un inconnu par minute aux heures de bureau, par un voleur qui réussit le geste.",
			"under-the-cap":           "Adaptatif\u202f: un compte de centre d’appels prend des inconnus juste sous 100 personnes par jour, et sous 60 par minute, et réussit le geste.",
			"dormant":                 "Un compte de conseiller, inutilisé depuis des mois, lit dix inconnus par seconde tout un week-end.",
			"identifier-probing":      "Des références sont devinées\u202f: neuf sur dix ne mènent à personne.",
			"in-order":                "Les références sont parcourues dans l’ordre croissant, une toutes les quarante secondes, par un voleur qui réussit le geste.",
			"birth-date-comb":         "Une date de naissance est cherchée sous les noms les plus répandus, huit lignes par réponse.",
			"widened-export":          "Une liste que le titulaire exporte est élargie à cinq mille personnes.",
			"neighbours":              "Un conseiller ouvre ses voisins et des gens dont on parle, trois par jour pendant 28 jours.",
			"drip":                    "Adaptatif\u202f: un à trois inconnus par jour pendant 28 jours, pendant que le titulaire travaille\u202f; le voleur réussit le geste.",
			"rule-reader":             "Adaptatif\u202f: à la place d’un conseiller en congé, ne demande que ce que les règles montreront, toutes les vingt minutes pendant 28 jours\u202f; réussit le geste.",
			"patient-year":            "Adaptatif\u202f: de même pendant un an sans être remarqué, si bien que la franchise de 28 jours revient.",
			"paid-look-ups":           "Un conseiller vend des consultations\u202f: 5 à 15 personnes nommées par jour pendant 28 jours, au milieu du travail ordinaire.",
			"strangers-between-calls": "Un compte de centre d’appels ouvre des inconnus pendant que de vrais appels d’autres personnes arrivent.",
			"training-fishing":        "Un compte de formation feuillette des personnes par ville et par âge hors de ses inscriptions, quatre par heure pendant 28 jours.",
			"partner-key":             "Le programme d’un partenaire emploie sa clé pour les personnes d’un autre organisme, cinquante par seconde.",
			"minted-slowly":           "Le compte d’un responsable crée deux comptes\u202f; chacun travaille deux semaines comme un conseiller, puis prend des inconnus.",
			"burst-army":              "300 comptes de conseillers à la fois, cinq inconnus chacun en dix minutes.",
			"drowned-desk":            "Deux cents comptes sont poussés jusqu’au geste, pour que nul ne regarde celui qui prend des inconnus.",
			"caseload-sweep":          "Les 150 personnes du portefeuille d’un conseiller en une heure, une fois chacune.",
			"caseload-slow":           "Adaptatif\u202f: les 150 personnes du portefeuille d’un conseiller à dix-neuf par heure, comme le ferait le titulaire.",
			"self-enrolment":          "Un compte de formation saisit lui-même l’inscription de 500 inconnus, puis les ouvre.",
			"self-tickets":            "Un compte d’accueil saisit un ticket pour chaque inconnu, comme quand la borne est en panne, et les ouvre, quarante par heure.",
			"two-hands-enrolment":     "Adaptatif\u202f: un second compte volé de la structure saisit les inscriptions, 120 par jour pendant 4 jours, et le premier les ouvre.",
			"forged-calls":            "Adaptatif\u202f: le voleur tient aussi la téléphonie et forge 80 appels par jour pendant 10 jours.",
			"reused-calls":            "L’appel d’une personne reste ouvert, et des inconnus sont ouverts à son abri, un par minute.",
			"transfer":                "Un collègue est parti\u202f; 150 personnes sont affectées dans la nuit et toutes ouvertes dans la journée.",
			"cover-of-two":            "Relais de deux collègues pendant trois semaines, déclaré par leur responsable, quinze de leurs personnes par jour.",
			"desk-duty":               "Une matinée à l’accueil après des semaines d’absence\u202f: 40 inconnus, chacun avec un ticket.",
			"job-fair":                "Un forum de l’emploi\u202f: 80 personnes se présentent à une tablette qui donne des tickets, sur un autre réseau\u202f; cinq viennent sans.",
			"appointment-campaign":    "120 personnes de son portefeuille en deux heures.",
			"month-end":               "Quatre semaines d’accueil, avec 1,8 fois l’affluence les jours de la déclaration mensuelle, y compris des personnes sans ticket.",
			"homonyms":                "Six homonymes ouverts en dix minutes pour trouver la bonne personne, qui a un ticket.",
			"new-joiner":              "La première semaine, en probation, douze dossiers de l’équipe lus par jour\u202f; le tuteur les accorde chaque matin.",
			"back-from-leave":         "Retour de huit mois de congé, sur un nouvel appareil\u202f: 60 des personnes rendues sont ouvertes en un jour, et deux autres.",
			"after-six-years":         "Quelqu’un que l’on n’a pas vu depuis six ans se présente à l’accueil, avec un ticket.",
			"enrolment-day":           "Un organisme de formation ouvre 120 stagiaires le jour des inscriptions.",
			"fraud-queue":             "Une file de 400 dossiers avec une mission, qui arrive aujourd’hui comme une liste de personnes affectées, lue en deux jours.",
			"evening-workshop":        "Quinze personnes avec rendez-vous entre dix-neuf et vingt et une heures.",
			"call-back-storm":         "Après une panne, trois fois plus d’appels pendant deux heures.",
			"tickets-fall-silent":     "La machine à tickets est en panne une matinée\u202f: 20 personnes sont reçues sans ticket.",
			"emergency-shelter":       "Une nuit de gel, 30 inconnus sont mis à l’abri\u202f; la direction de la structure en a accordé 50 jusqu’au matin.",
			"mistyped":                "Un numéro est mal saisi deux fois, corrigé, puis encore pour la personne suivante, dix fois dans la journée.",
			"part-timer":              "Une semaine de travail le mardi, à temps partiel\u202f: 70 personnes de son portefeuille, quatre sans motif.",
			"new-region":              "Une mutation dans une autre région\u202f: autre structure, autre appareil, autre réseau, un portefeuille repris.",
			"keyboard-macro":          "Une macro ouvre les personnes de son portefeuille, une toutes les 30 secondes exactement, pendant une heure\u202f; chaque jour.",
			"two-on-one-machine":      "Deux agents partagent un poste, chacun avec son compte.",
			"on-the-train":            "Une journée en train, sur un téléphone, par un tunnel chez soi, un seul appareil\u202f: 15 personnes de son portefeuille et deux autres.",
			"merger":                  "Deux structures fusionnent\u202f: 40 comptes sont créés par un lot signé, chacun avec un portefeuille, et travaillent dès la première heure.",
		},
	},
	i18n.English: {
		Group: ",", Point: ".",
		Title:       "Poterne: attacks and honest days, replayed",
		Question:    "How many people does a stolen account see?",
		Answer:      "In the three published cases, at most {} people without a reason, where the application alone gave up to {}. Honest work is asked for {} touches in an agent’s month, and frozen wrongly {} times in 1,000 days.",
		AnswerShort: "This is what the rules let through, and what they cost honest work. The same seed gives the same page.",
		AllMet:      "All {} targets are met.",
		SomeMissed:  "{} of {} targets are missed:",
		OfSeeds:     "seeds", Agents: "agents", Days: "days",
		Attacks:     "The attacks",
		AttacksLead: "People shown without a reason, at the 95th percentile of the seeds. The scale is logarithmic: each vertical line counts ten times as many people as the one before.",
		ChartTitle:  "People shown to each attack, by Poterne and by other guards",
		Attack:      "Attack", Accounts: "Accounts", Outside: "Poterne, no reason", Inside: "Poterne, explained", StoppedAt: "First refusal",
		P95: "95th percentile", Aim: "Aim", Frozen: "Accounts frozen", Never: "never", Opening: "no.",
		Bare: "No guard", ByRate: "60 openings a minute", ByCap: "100 people a day",
		Oddities:     "Honest, but odd",
		OdditiesLead: "None of these may be frozen. A touch is a confirmation of some seconds; a co-signature is another person’s.",
		Oddity:       "Situation", Stopped: "Stopped",
		Honest:     "Ordinary work",
		HonestLead: "False freezes in 1,000 agent-days with their 95 % interval, agents being drawn anew; touches and co-signatures in an agent’s month of twenty days. The trade that is asked for most comes first.",
		Trade:      "Trade", AgentDays: "Agent-days", Openings: "Openings", Unexplained: "No reason", All: "All",
		Freezes: "Freezes", Within: "Interval", Touches: "Touches", Identities: "Identities asked", Cosigns: "Co-signatures",
		AgentsMet: "Agents met", None: "none",
		Curve:      "Leak and friction",
		CurveLead:  "Every allowance and every line, multiplied by {} to {}. To the left honest work is hardly ever disturbed; at the bottom the thief gets hardly anybody. Full points are the rules as shipped.",
		CurveTitle: "People without a reason at the 95th percentile, against touches and co-signatures in an agent’s month",
		CurveX:     "touches and co-signatures in an agent’s month", CurveY: "people",
		FloorLine: "Floor for who knows every rule, 28 days: {}", Shipped: "as shipped", Times: "Multiplied by",
		Limits: "What this page does not say",
		LimitsList: []string{
			"It holds for a simulated town, almost every figure of which is an assumption; they stand in a single file.",
			"“Explained” people are explained by a fact: the stolen account’s own caseload, or a fact forged by whoever also holds the system that tells it. At the owner’s pace no rule can help; only rights can.",
			"Each account is played by itself: what an organisation, a service or everybody may open together, and the pooling of accounts, are not in it.",
			"A rate of zero over n days proves no more than 3/n.",
		},
		Again: "To replay it",
		targets: map[TargetKind]string{
			Strangers: "people without a reason, {}", OwnPeople: "explained people, {}", OddFreezes: "freezes over {} oddities",
			FalseFreezes: "false freezes in 1,000 agent-days, over {}", TouchesAsked: "touches in an agent’s month, {}",
		},
		seconds: "s", minutes: "min", hours: "h", days: "d",
		trades: map[string]string{"adviser": "Advisers", "benefits": "Benefits", "desk": "Front desk", "call-centre": "Call centre", "training": "Training"},
	},
}
