import { termOf } from './stem.ts'

/**
 * The words with which people ask, as against the words for what they ask for. A small index
 * cannot tell them apart by rarity: among two hundred one-line descriptions "comprehensive" is
 * as rare as "horoscope". So their weight is general knowledge, written down once.
 *
 * - `stop`: grammar; left out of a query that has any other word, and indexed only in names
 * - `courtesy`: request, courtesy, degree, mood ("could you kindly provide detailed …")
 * - `generic`: what most tools do, to what most tools have ("find the latest information")
 * - `content`: everything else
 */
export type WordClass = 'content' | 'generic' | 'courtesy' | 'stop'

const stop = `a an the of to in on for with and or but not no nor by from at as into onto is are was
were be been being am do does did doing done has have had having i me my mine we us our ours you your
yours he him his she her it its they them their theirs this that these those there here what which who
whom whose when where why how can could would should will shall may might must need want wants wanted
like please help tell give show let lets so if then than too very just also about any some all im id
ive ill dont doesnt didnt cant couldnt wont wouldnt isnt arent whats hows theres youre hi hello hey
thanks thank get got`

const courtesy = `kindly helps helping assist assists assisting assistance guide guiding guidance provide
provides provided providing gives giving given looking look looks seek seeking seeks curious wonder
wondering interested interesting interest excited eager wanting wish wishes hope hoping hopes needs
needed needing require requires required requiring request requests requesting requested ask asks
asking asked know knows knowing knew known tells telling told say says saying said think thinks
thinking thought believe feel feels feeling felt guess suppose imagine consider considering considered
understand understands understanding try tries trying tried come comes coming came go goes going went
gone take takes taking took taken keep keeps keeping kept put puts putting bring brings letting become
becomes becoming seem seems seeming happen happens happening happened specifically specific particular
particularly exactly exact precisely certain certainly sure definitely absolutely really actually
basically currently presently simply quickly easily effectively efficiently accurately thoroughly
carefully properly highly greatly fully completely entirely totally deeply extremely incredibly truly
especially mainly mostly generally usually typically often always never ever sometimes maybe perhaps
possibly probably hopefully additionally furthermore moreover however therefore thus hence otherwise
instead rather quite enough almost nearly already yet still again once soon later including include
includes included such etc regarding concerning related relating relevant associated corresponding
respective based according via through throughout within without during while between among across
along around above below under over off out up down upon toward towards against beyond beside besides
except per various different several multiple many much more most few little less least both each
every other others another same similar own whole entire overall wide range variety diverse extensive
comprehensive detailed detail details depth thorough complete full broad good great best better nice
perfect excellent amazing awesome fantastic wonderful lovely beautiful cool fun important significant
essential necessary useful helpful valuable suitable appropriate reliable reputable trusted possible
potential available accessible unique special key main major primary top thing things something
anything everything nothing someone anyone everyone stuff lot lots bit kind kinds sort sorts type
types way ways aspect aspects factor factors purpose purposes reason reasons fact case cases example
examples instance point points part parts matter idea one ones two first second next last now today
able capable easy easier hard difficult ready dear sir appreciate grateful glad happy yes ok okay oh
wow ugh angry annoyed annoying frustrated frustrating furious infuriating ridiculous unbelievable
unacceptable tired sick struggling upset disappointed confused stressed bored worried stupid terrible
horrible damn myself yourself himself herself itself ourselves themselves people person individual
individuals make makes making made use uses using used utilize utilizing work works working starting
begin ensure ensuring allow allows allowing enable enables enabling suit suits tailored preferably
ideally aim aiming focus focusing focused chatbot chatgpt gpt plugin plugins assistant bot claude ai`

const generic = `find finds finding found search searching searches shows showing list lists display view see
seeing check checks checking fetch retrieve lookup create creates creating created generate generates
generating add adding update updating updates set run start open read information info data result
results content contents option options item items service services tool tools app application system
platform feature features user users server name names number numbers value values resource resources
question questions answer answers current latest recent recently new newest upcoming real time day
days week weeks month months year years daily hour hours minute recommend recommends recommending
recommended recommendation recommendations suggest suggests suggesting suggestion suggestions advice
tips tip ideas insights insight improve improving enhance experience quality performance popular high
low long short large small big free online simple offer offers offering share support learn explore
discover manage analyze analysis compare explain http https www com`

const stopWords = new Set(stop.split(/\s+/))
const terms = new Map<string, WordClass>()
for (const word of generic.split(/\s+/)) terms.set(termOf(word), 'generic')
for (const word of courtesy.split(/\s+/)) terms.set(termOf(word), 'courtesy')

const bareNumberOrLetter = /^(?:\p{N}+|[a-z])$/u

/** Classes go by term, so that one form of a word stands for all, but grammar by word. */
export function wordClass(word: string, term: string): WordClass {
  if (stopWords.has(word)) return 'stop'
  if (bareNumberOrLetter.test(word)) return 'courtesy'
  return terms.get(term) ?? 'content'
}
