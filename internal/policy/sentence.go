package policy

import (
	"fmt"
	"strconv"
	"strings"

	"poterne/internal/meter"
	"poterne/internal/reason"
)

// Language is one of the two the program speaks.
type Language string

const (
	French  Language = "fr"
	English Language = "en"
)

// Sentence says a ruling to the agent: what was counted, the limit, and which
// reasons were missing. What was only observed is said to have stopped nobody. It
// names nobody.
func (r Ruling) Sentence(in Language) string {
	said, observed := r.french(), "En observation : cette ouverture aurait été retenue. "
	if in == English {
		said, observed = r.english(), "Only observed: this opening would have been withheld. "
	}
	if r.Observed {
		return observed + said
	}
	return said
}

func (r Ruling) french() string {
	const missing = "Ni portefeuille, ni rendez-vous, ni appel, ni ticket d’accueil, ni message, ni inscription, ni relais n’explique cette ouverture."
	switch r.Why {
	case Granted:
		return "Rien ne s’y oppose."
	case Explained:
		return "Consultation expliquée : " + reasonsFrench[r.Reason.Kind] + "."
	case AlreadySeen:
		return "Personne déjà consultée depuis moins de 28 jours : elle ne compte pas de nouveau."
	case Counted:
		return fmt.Sprintf("Consultation sans motif connu, comptée : %s sur %s cette heure-ci.", frenchPeople(r.Counted), inPeople(r.Limit, ","))
	case Raised:
		return "Consultation sans motif connu, dans ce qu’une autre personne vous a accordé."
	case TypedTicket:
		return "Consultation sur un ticket que vous avez saisi : il ne suffit pas comme motif, et compte pour un cinquième."
	case Vouched:
		return "Consultation sans motif connu, qu’une autre personne a cosignée."
	case CanaryListed:
		return "Par précaution, confirmez que c’est bien vous avant d’ouvrir une autre personne sans motif connu."
	case PaceReached:
		return fmt.Sprintf("Vous avez ouvert %s de votre portefeuille en une heure sans rien écrire. Au-delà de %s, confirmez que c’est bien vous.", frenchPeople(r.Counted), inPeople(r.Limit, ","))
	case WallReached:
		return fmt.Sprintf("Vous avez ouvert %s en un jour. Au-delà de %s, confirmez que c’est bien vous ; plus loin encore, revenez demain.", frenchPeople(r.Counted), inPeople(r.Limit, ","))
	case Doubted:
		return "Ces ouvertures ressemblent à un parcours du fichier. Cherchez d’abord cette personne par son nom et sa date de naissance. " + missing
	case Enumerating:
		return "Ces ouvertures parcourent le fichier. Les nouvelles ouvertures sans motif sont gelées pour ce compte. " + missing
	case Drifting:
		return fmt.Sprintf("Ces derniers jours, %s sans motif connu, au-delà de ce que votre travail explique. La limite est de %s. Les nouvelles ouvertures sans motif sont gelées pour ce compte. %s", frenchPeople(r.Counted), inPeople(r.Limit, ","), missing)
	case CanaryOpened:
		return "Les nouvelles ouvertures sans motif sont gelées pour ce compte. Le poste de garde est prévenu."
	case OrganisationEmpty:
		return "Votre structure a épuisé ce qu’elle peut ouvrir sans motif connu. Le poste de garde est prévenu. " + missing
	case ServiceEmpty:
		return "Ce service a épuisé ce qu’il peut ouvrir sans motif connu. Le poste de garde est prévenu. " + missing
	case RegisterEmpty:
		return "Trop de personnes sont ouvertes sans motif connu dans tout le registre. Le poste de garde est prévenu. " + missing
	case Expelled:
		return "Vos sessions sont closes : ce compte est gelé, et d’autres personnes ont été demandées sans motif."
	case ShortEmpty:
		return fmt.Sprintf("Vous avez ouvert %s sans motif connu en une heure. La limite est de %s. %s", frenchPeople(r.Counted), inPeople(r.Limit, ","), missing)
	case LongEmpty:
		return fmt.Sprintf("Vous avez ouvert %s sans motif connu en 28 jours. La limite est de %s. %s", frenchPeople(r.Counted), inPeople(r.Limit, ","), missing)
	case SignedEmpty:
		return fmt.Sprintf("D’autres personnes ont signé pour %s pour ce compte en 28 jours, et c’est la limite. La personne qui gère les comptes peut demander que le motif de ce travail soit connecté. %s", frenchPeople(r.Counted), missing)
	case Frozen:
		return "Les nouvelles ouvertures sans motif sont gelées pour ce compte. Votre portefeuille, vos rendez-vous et les personnes déjà vues restent ouverts. " + missing
	case NobodyKnown, NotThere:
		return "Ce dossier ne vous est pas ouvert, ou n’existe pas."
	case NotForPurpose:
		return "Rien de ce que contient cette réponse ne relève de la finalité de ce service."
	case NotHabilitated:
		return "Aucune habilitation en cours ne vous ouvre ce service. La personne qui gère les comptes de votre structure peut la demander."
	case RoleReadsNothing:
		return "Votre rôle ne permet d’ouvrir aucun dossier."
	case Suspended:
		return "L’accès de ce compte ou de sa structure est suspendu. Rien n’est perdu ; le poste de garde peut le rouvrir."
	case Closed:
		return "Ce service est fermé pour le moment, par mesure de sécurité."
	case NotDeclared:
		return "Cette adresse n’est pas déclarée : elle ne peut pas être ouverte à travers Poterne."
	case UndeclaredMethod:
		return "Cette adresse est déclarée, mais pas pour cette action : la demande n’a pas été transmise."
	case UndeclaredParameter:
		return "L’adresse porte un paramètre qui n’est pas déclaré : la demande n’a pas été transmise."
	case UndeclaredField:
		return "Le formulaire porte un champ qui n’est pas déclaré : il n’a pas été transmis."
	case UndeclaredBody:
		return "Ce qui est envoyé est d’un type qui n’est pas déclaré pour cette adresse : rien n’a été transmis."
	case UndeclaredAnswer:
		return "L’application a répondu par un type de contenu qui n’est pas déclaré pour cette adresse. Rien n’en a été transmis."
	case RequestUnreadable:
		return "La demande n’a pas pu être lue d’une seule façon. Par prudence, elle n’a pas été transmise à l’application."
	case NotAnswered:
		return "L’application n’est pas joignable, ou n’a pas répondu."
	case NotInTime:
		return "L’application n’a pas répondu à temps."
	case AnsweredError:
		return "L’application a répondu par une erreur de son côté."
	case AnsweredLater:
		return "L’application ne peut pas répondre pour le moment."
	case TooMuchAtOnce:
		return "Trop de réponses sont en cours de lecture en ce moment : rien n’a été transmis. Réessayez dans un instant."
	case AnsweredNo:
		return "L’application n’a pas accepté cette demande."
	case AnsweredAbsent:
		return "L’application n’a rien à cette adresse."
	case NotConfirmed:
		return "La modification a été transmise, mais l’application n’a pas dit si elle l’a prise. Vérifiez avant de la refaire."
	case OtherSite:
		return "La demande vient d’un autre site : elle n’a pas été transmise."
	case NotToBeChanged:
		return "Cette modification touche des champs qui ne relèvent pas de la finalité de ce service : elle n’a pas été transmise."
	case Unnamed:
		return "Cette demande ne nomme pas la personne comme il le faut : son identifiant manque, ou n’est pas écrit comme le sont ceux de son espèce. Rien n’a été transmis à l’application."
	case Overwrites:
		return "Enregistrer écraserait des données que vous ne voyez pas. Rien n’a été modifié ; une personne habilitée à les voir peut le faire."
	case TooMany:
		return "Cette recherche trouve trop de personnes. Précisez-la : nom, prénom et date de naissance."
	case NoMission:
		return "Un export ne contient que des personnes qu’un motif explique, et demande une mission en cours : son objet, sa liste, sa fin, et l’accord de deux autres personnes."
	case MissionSpent:
		return fmt.Sprintf("La mission de cet export est épuisée : elle était de %s.", frenchPeople(r.Limit))
	case NotUnderstood:
		return "La réponse de l’application n’a pas pu être lue en entier. Par prudence, rien n’en a été transmis."
	default:
		return "Refusé."
	}
}

func (r Ruling) english() string {
	const missing = "No caseload, appointment, call, desk ticket, message, enrolment or cover explains this opening."
	switch r.Why {
	case Granted:
		return "Nothing stands against it."
	case Explained:
		return "Explained: " + reasonsEnglish[r.Reason.Kind] + "."
	case AlreadySeen:
		return "Already opened within 28 days: this person does not count again."
	case Counted:
		return fmt.Sprintf("No known reason, so it counts: %s of %s this hour.", englishPeople(r.Counted), inPeople(r.Limit, "."))
	case Raised:
		return "No known reason, within what another person has allowed you."
	case TypedTicket:
		return "Opened for a ticket that you typed: it is not enough as a reason, and counts a fifth."
	case Vouched:
		return "No known reason; another person has co-signed it."
	case CanaryListed:
		return "As a precaution, confirm that it is you before you open another person without a known reason."
	case PaceReached:
		return fmt.Sprintf("You opened %s of your own within an hour and wrote nothing. Beyond %s, confirm that it is you.", englishPeople(r.Counted), inPeople(r.Limit, "."))
	case WallReached:
		return fmt.Sprintf("You opened %s within a day. Beyond %s, confirm that it is you; much further, come back tomorrow.", englishPeople(r.Counted), inPeople(r.Limit, "."))
	case Doubted:
		return "These openings look like going through the register. First find this person by name and date of birth. " + missing
	case Enumerating:
		return "These openings go through the register. New openings without a reason are frozen for this account. " + missing
	case Drifting:
		return fmt.Sprintf("Over the last days, %s without a known reason, beyond what your work explains. The limit is %s. New openings without a reason are frozen for this account. %s", englishPeople(r.Counted), inPeople(r.Limit, "."), missing)
	case CanaryOpened:
		return "New openings without a reason are frozen for this account. The security desk has been told."
	case OrganisationEmpty:
		return "Your organisation has used up what it may open without a known reason. The security desk has been told. " + missing
	case ServiceEmpty:
		return "This service has used up what it may open without a known reason. The security desk has been told. " + missing
	case RegisterEmpty:
		return "Too many people are being opened without a known reason in the whole register. The security desk has been told. " + missing
	case Expelled:
		return "Your sessions have ended: this account is frozen, and more people were asked for without a reason."
	case ShortEmpty:
		return fmt.Sprintf("You opened %s without a known reason within an hour. The limit is %s. %s", englishPeople(r.Counted), inPeople(r.Limit, "."), missing)
	case LongEmpty:
		return fmt.Sprintf("You opened %s without a known reason in 28 days. The limit is %s. %s", englishPeople(r.Counted), inPeople(r.Limit, "."), missing)
	case SignedEmpty:
		return fmt.Sprintf("Other people signed for %s for this account within 28 days, and that is the limit. Whoever manages the accounts can ask for the system that knows this work’s reason to be connected. %s", englishPeople(r.Counted), missing)
	case Frozen:
		return "New openings without a reason are frozen for this account. Your caseload, your appointments and people already seen stay open. " + missing
	case NobodyKnown, NotThere:
		return "This file is not open to you, or does not exist."
	case NotForPurpose:
		return "Nothing in this answer belongs to the purpose of this service."
	case NotHabilitated:
		return "No current habilitation opens this service to you. Whoever manages your organisation’s accounts can ask for one."
	case RoleReadsNothing:
		return "Your role does not open any file."
	case Suspended:
		return "Access is suspended for this account or its organisation. Nothing is lost; the security desk can reopen it."
	case Closed:
		return "This service is closed for now, as a security measure."
	case NotDeclared:
		return "This address is not declared, so it cannot be opened through Poterne."
	case UndeclaredMethod:
		return "This address is declared, but not for this action, so it was not passed on."
	case UndeclaredParameter:
		return "The address carries a parameter that is not declared, so the request was not passed on."
	case UndeclaredField:
		return "The form carries a field that is not declared, so it was not passed on."
	case UndeclaredBody:
		return "What is sent is of a type that is not declared for this address, so nothing was passed on."
	case UndeclaredAnswer:
		return "The application answered with a content type that is not declared for this address. None of it was passed on."
	case RequestUnreadable:
		return "The request could not be read in one way only. To be safe, it was not passed on to the application."
	case NotAnswered:
		return "The application cannot be reached, or did not answer."
	case NotInTime:
		return "The application did not answer in time."
	case AnsweredError:
		return "The application answered with an error of its own."
	case AnsweredLater:
		return "The application cannot answer for the moment."
	case TooMuchAtOnce:
		return "Too much is being read at this moment, so nothing was passed on. Try again in a moment."
	case AnsweredNo:
		return "The application did not accept this request."
	case AnsweredAbsent:
		return "The application has nothing at this address."
	case NotConfirmed:
		return "The change was passed on, but the application did not say whether it took it. Look before you make it again."
	case OtherSite:
		return "The request comes from another site, so it was not passed on."
	case NotToBeChanged:
		return "This change touches fields that do not belong to the purpose of this service, so it was not passed on."
	case Unnamed:
		return "This request does not name the person as it must: the identifier is missing, or is not written as those of its kind are. Nothing was passed on to the application."
	case Overwrites:
		return "Saving this would write over data that you do not see. Nothing was changed; somebody who may see it can do it."
	case TooMany:
		return "This search finds too many people. Refine it: surname, first name and date of birth."
	case NoMission:
		return "An export holds only people whom a reason explains, and needs a mission: its purpose, its list, its end, and two other people who allow it."
	case MissionSpent:
		return fmt.Sprintf("The mission of this export is used up: it was for %s.", englishPeople(r.Limit))
	case NotUnderstood:
		return "The application’s answer could not be read whole. To be safe, none of it was passed on."
	default:
		return "Refused."
	}
}

var reasonsFrench = map[reason.Kind]string{
	reason.Caseload: "dans votre portefeuille", reason.Appointment: "rendez-vous", reason.Call: "appel reçu",
	reason.DeskTicket: "ticket d’accueil", reason.Message: "message ou document reçu",
	reason.Enrolment: "inscription dans votre structure", reason.Cover: "relais d’un collègue absent",
}

var reasonsEnglish = map[reason.Kind]string{
	reason.Caseload: "in your caseload", reason.Appointment: "appointment", reason.Call: "inbound call",
	reason.DeskTicket: "desk ticket", reason.Message: "message or document received",
	reason.Enrolment: "enrolled with your organisation", reason.Cover: "cover for an absent colleague",
}

func frenchPeople(c meter.Cost) string {
	if c < 2*meter.Whole {
		return inPeople(c, ",") + " personne"
	}
	return inPeople(c, ",") + " personnes"
}

func englishPeople(c meter.Cost) string {
	if c == meter.Whole {
		return "1 person"
	}
	return inPeople(c, ".") + " people"
}

// inPeople writes a cost in people, without needless decimals.
func inPeople(c meter.Cost, point string) string {
	text := strconv.FormatFloat(float64(c)/float64(meter.Whole), 'f', -1, 64)
	return strings.Replace(text, ".", point, 1)
}
