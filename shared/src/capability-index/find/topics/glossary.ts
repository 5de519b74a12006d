/**
 * Words that belong together, a topic a line: what a model or a person asks for ("bitcoin") and
 * what a server calls itself ("cryptocurrency") are seldom the same word. General knowledge of
 * the kinds of thing that tools are for, written for this index; nothing in it is taken from any
 * server. Order and repetition within a line do not matter; a word may stand on many lines. Add
 * lines for what your company calls things: vectors are derived from the text when an index is
 * made (see `topic-space.ts`), nothing is trained.
 */
export const glossary: readonly string[] = `
bitcoin btc satoshi cryptocurrency crypto coin blockchain mining wallet price
ethereum eth ether cryptocurrency smart contract blockchain evm solidity gas fee transaction
cryptocurrency crypto token coin digital currency exchange trading market price wallet bitcoin ethereum
nft nonfungible token collection digital art collectible blockchain marketplace opensea ethereum
blockchain ledger block transaction hash node chain address onchain explorer etherscan
defi decentralized finance swap liquidity pool yield staking lending protocol dex uniswap
solana sol cryptocurrency blockchain token wallet swap spl
wallet balance transfer address crypto token send receive private key metamask
stablecoin usdc usdt tether dollar pegged token payment crypto
stock share equity ticker price market quote nasdaq nyse exchange trading investor
etf fund index mutual invest portfolio holding stock bond asset
portfolio investment asset allocation return risk diversification holding wealth
earnings revenue income statement balance sheet cash flow financial report company filing sec
market cap capitalization valuation pe ratio dividend yield stock fundamental
option call put strike expiry derivative trading stock futures
candle chart ohlc rsi macd moving average technical indicator trading price
forex currency exchange rate pair usd eur jpy gbp trading conversion
currency money dollar euro yen pound rupee rupiah yuan won franc peso convert exchange rate
usd dollar eur euro gbp pound jpy yen inr rupee cny yuan currency code exchange
apple aapl microsoft msft tesla tsla amazon amzn google googl nvidia nvda stock ticker company share
bank banking account balance transaction transfer deposit loan credit debit card finance
mortgage loan interest rate repayment amortization home lender payment calculator
loan credit borrow debt interest repayment installment lender payoff
budget expense spending income saving money personal finance tracker
tax income sales vat deduction return irs filing rate calculator
insurance policy premium claim coverage health car life quote
invoice bill payment customer due amount accounting billing receipt
accounting bookkeeping ledger invoice xero quickbooks expense tax reconciliation
payment checkout card charge refund subscription stripe paypal customer billing
stripe payment subscription invoice customer charge refund checkout billing api
paypal payment checkout transfer merchant money invoice
economy gdp inflation unemployment interest rate indicator macroeconomic statistics country
fred federal reserve economic data series inflation interest rate
kubernetes k8s cluster pod deployment service namespace node container orchestration kubectl helm
kubectl kubernetes pod namespace deployment configmap secret log describe apply scale rollout
pod container kubernetes replica node namespace log deployment
helm chart kubernetes release install upgrade deploy package
configmap secret kubernetes namespace configuration key value
namespace kubernetes cluster pod service scope
docker container image compose registry volume dockerfile build run
container docker image pod run deploy virtualization kubernetes
nginx web server proxy reverse load balancer http
aws amazon web services cloud s3 ec2 lambda dynamodb iam cloudwatch
s3 bucket object storage upload file aws blob
ec2 instance virtual machine server cloud aws
lambda serverless function invoke cloud deploy
azure microsoft cloud subscription resource virtual machine devops blob
gcp google cloud platform bigquery compute storage project cloudrun
cloud hosting infrastructure server provider compute storage region aws azure gcp
terraform infrastructure code provider module plan apply state cloud
cloudflare worker cdn dns kv r2 d1 edge zone durable object pages
worker edge serverless cloudflare script deploy durable object
cdn edge cache content delivery network website asset
heroku app dyno deploy pipeline addon platform cloud
vercel netlify deploy website frontend hosting preview domain nextjs
serverless function deploy edge cloud lambda worker
ci cd pipeline build test deploy continuous integration workflow job github actions jenkins circleci
jenkins build job pipeline ci log
github repository repo commit pull request issue branch code git star fork readme
gitlab repository merge request pipeline issue project code git
bitbucket repository pull request git atlassian code
git commit branch merge diff rebase log status push pull clone repository version control
repository repo code source github project open readme library star fork
pull request review merge branch diff comment code github
commit message git change history diff branch
issue bug ticket tracker report label assignee backlog
jira issue ticket sprint board project atlassian backlog epic
confluence wiki page space documentation atlassian
linear issue project cycle team ticket backlog workload
asana trello clickup monday todoist task project board card productivity
task todo reminder list due priority complete project productivity
reminder todo alarm schedule due notify task
kanban board card column task project agile sprint
project management milestone task timeline team sprint plan gantt
calendar event schedule meeting appointment invite agenda availability attendee google outlook
meeting schedule calendar agenda transcript call zoom attendee notes
timer alarm countdown stopwatch pomodoro remind
time timezone clock date convert utc current city hour
timezone time zone convert utc clock city
email mail inbox message send draft reply attachment gmail outlook smtp subject recipient
gmail email inbox draft label thread google mail send
outlook email calendar microsoft office365 mail graph
smtp imap email mailbox server send receive
newsletter email subscriber campaign mailchimp substack audience
sms text message phone send twilio number
twilio sms voice call phone message
whatsapp message chat contact send phone group
telegram message chat bot channel group send
discord server channel message guild bot role forum webhook
slack channel message workspace thread team chat user
teams microsoft chat channel message meeting
imessage message text contact apple mac send
chat conversation message channel room thread
notification push alert notify send message
webhook http callback event trigger url post
linkedin profile job company connection professional network post
twitter tweet x post follower hashtag timeline social
tweet twitter post retweet hashtag social media
facebook instagram post page social media meta ads
reddit subreddit post comment thread community
hackernews hacker news story top ycombinator tech article
youtube video channel transcript subtitle playlist caption comment watch
video clip movie youtube watch stream footage edit render
transcript caption subtitle speech video audio text summary
tiktok video short trend social creator
podcast episode audio show listen host spotify
spotify music playlist song track album artist play
music song playlist artist album track band genre lyric concert listen
song track lyric artist album singer playlist melody tune
ableton daw midi track synth drum audio session music production tempo
midi note music instrument synth track sequence
guitar chord tab song music fret
concert ticket event show festival venue music theater sport
ticket event concert show booking seat ticketmaster venue
movie film cinema tv show series actor director watch streaming imdb netflix
netflix hulu streaming movie tv show series watch service
tv show series episode season streaming watch broadcast channel
streaming watch stream movie show platform service netflix
imdb tmdb movie film rating actor cast
anime manga series episode character japanese
book novel author read library isbn title reading ebook fiction
library book catalog loan reading
comic story picture illustration children tale
meme funny image caption humor template joke
gif animated image giphy funny reaction
image picture photo photograph illustration generate edit art visual
photo picture image camera filter album edit resize crop
generate image ai stable diffusion dalle midjourney flux prompt art picture
midjourney prompt image photorealistic art generate
resize crop compress convert image photo edit filter blur
ocr scan text image recognize extract document handwriting pdf
logo brand color font design identity asset
design figma ui layout component prototype mockup frame canvas
figma design file component frame layer auto layout ui
canva design template poster graphic banner social
ui ux component interface frontend design react button layout
color palette hex rgb theme design
font typography text style typeface
svg vector icon graphic image
3d model blender scene mesh render object texture animation
blender 3d scene object material render mesh camera
cad 3d model drawing part engineering freecad
unity unreal godot game engine scene script object asset
game play player level quest character gaming steam
chess board move player opponent checkmate game
sudoku puzzle crossword word game logic riddle
tictactoe checkers board game move opponent play
dice roll rpg dungeon d20 tabletop game
minecraft roblox game world block server player
esports league legends champion ranked match valorant apex
sports team player match score league standings nba nfl mlb nhl game
football soccer match goal league team score premier fixture
fantasy football league team player points transfer
basketball nba team player score season
formula f1 race driver grand prix circuit lap
cricket match score team player wicket
betting odds sport wager bookmaker prediction
weather forecast temperature rain snow wind humidity sunny storm climate meteorology
temperature celsius fahrenheit degree weather hot cold
air quality pollution aqi smog pollen index
earthquake seismic magnitude tremor disaster alert quake usgs
tsunami hurricane wildfire flood disaster alert emergency
surf wave swell beach tide report ocean
tide ocean sea wave marine boat
astronomy space star planet nasa mars rover telescope galaxy moon apollo mission
nasa space mission apollo astronaut mars rover image astronomy
iss international space station astronaut orbit satellite position
satellite imagery orbit earth observation remote sensing
horoscope astrology zodiac sign natal chart planet aries taurus gemini leo virgo
tarot card reading divination fortune spread
travel trip vacation holiday tour itinerary destination tourist flight hotel
trip itinerary travel plan vacation destination visit route
hotel accommodation room booking stay hostel resort lodging airbnb reservation
airbnb rental stay apartment host listing accommodation vacation
flight airline airport ticket departure arrival plane fare booking
flight track aircraft airplane aviation adsb airport arriving departing
airport airline terminal departure arrival flight plane code
aviation pilot metar taf notam airport weather flight
train railway station timetable ticket departure rail metro subway
subway metro train line station route transit
bus transit public transport stop route schedule
car rental vehicle rent drive hire trip
ferry boat cruise ship sail island
taxi uber ride cab driver transport
tourist attraction sightseeing landmark museum visit city activity tour
beach hiking outdoor activity adventure nature park camping
theme park ride queue wait disneyland attraction
map location route direction navigation geocode address latitude longitude place
geocode address coordinate latitude longitude location map
route direction distance driving walking navigation map traffic
place nearby location restaurant store shop local map
postal zip code address city
country city capital population region geography flag
parking carpark lot availability car space
fuel petrol gas diesel price station car
ev electric vehicle charging station charger supercharger tesla battery
car vehicle auto automobile dealer used sedan suv model drive buy
motorcycle bike bicycle scooter ride
traffic road speed camera congestion incident
restaurant dining food eat table reservation cuisine menu dinner lunch
cuisine dish food restaurant meal taste chef local eat
reservation booking table restaurant hotel
food meal dish eat cook recipe ingredient kitchen
recipe cook ingredient meal dish baking dinner vegetarian vegan
diet nutrition calorie protein food meal weight healthy vitamin carb
calorie nutrition diet food intake track macro
grocery supermarket food delivery shopping ingredient
coffee tea drink beverage cafe
wine beer whisky cocktail drink alcohol
fitness workout exercise gym muscle training strength cardio yoga routine run
workout exercise muscle abs core routine training gym coach
health medical doctor patient disease symptom treatment hospital medicine
symptom disease diagnosis doctor medical illness condition treatment
drug medicine medication dose prescription pharmacy side effect
covid coronavirus vaccine pandemic virus infection flu
mental meditation mindfulness stress anxiety sleep therapy wellbeing
sleep heart rate steps wearable fitbit garmin strava activity
clinical trial study patient eligibility criteria drug disease
pubmed medline biomedical literature article citation medicine
genome gene protein dna sequence biology variant ncbi uniprot
molecule chemistry compound drug smiles structure pubchem
chemistry material crystal formula compound property element
dicom medical imaging scan radiology hospital pacs
fhir ehr patient record health medical hospital
pet dog cat animal veterinary
plant garden gardening flower indoor grow
farm agriculture crop soil farming
baby child kids parenting education toddler
children kids learning educational game activity story
education course learning class lesson student teacher school university
course class lesson tutorial learn training online coursera udemy certificate skill
university college degree admission student campus program
school student teacher grade homework classroom canvas
quiz test exam question answer practice study
flashcard spaced repetition memorize study anki deck card
exam ielts toefl test english speaking practice prep
language learn speak vocabulary grammar translate tutor foreign
translate translation language english spanish french german chinese japanese text localization
translation localization i18n string language translate deepl
dictionary word definition synonym meaning vocabulary thesaurus
grammar spelling proofread writing text correct
writing writer write essay article blog content copy text
rewrite paraphrase rephrase polish text writing tone improve sentence humanize
essay paper writing academic student
copywriting copy ad marketing sales headline text
summarize summary abstract condense shorten article document text
quote inspiration motivation saying daily
joke humor funny laugh entertainment
story tale narrative fiction character plot write
poem poetry lyric verse
resume cv cover letter job career application professional
job career employment vacancy hiring recruiter salary interview work opening
interview job question candidate hiring preparation
hire freelancer talent recruit candidate developer
salary wage pay compensation job
employee hr staff payroll department people organization
freelance freelancer upwork gig hire project
research paper academic scientific study journal arxiv scholar publication citation
arxiv paper preprint research physics computer science abstract
paper research article journal publication peer reviewed author doi citation
scholar academic citation literature paper research semantic
bibtex citation reference bibliography zotero paper
zotero reference library citation paper
science scientific physics chemistry biology experiment research
math mathematics calculate equation algebra solve arithmetic number formula
calculator calculate arithmetic sum multiply divide math expression square root
wolfram alpha compute math knowledge query
statistics data analysis regression mean distribution probability
unit convert measurement length weight temperature
physics quantum simulation hamiltonian lattice spin particle
quantum computing qubit circuit simulation
density functional theory electronic structure band material atom simulation
law legal lawyer attorney court case statute regulation right contract
legal law advice court case contract tenant attorney
tenant landlord rent lease eviction apartment housing
contract agreement clause legal sign document
sign signature esignature document contract docusign template
patent trademark intellectual property invention
government politics policy election parliament congress vote legislation
politics election candidate vote party president parliament minister
congress senate bill lobbying trading legislation politician
census population demographic statistics household survey data
open data dataset government portal statistics
real estate property house home apartment buy rent listing mortgage agent
house home buy purchase property sale mortgage bedroom
rent rental apartment flat lease tenant house property
interior furniture decor home design room
smart home assistant device light thermostat sensor automation switch
iot device sensor mqtt telemetry
homeassistant light switch sensor entity automation device
philips hue light lamp bulb
printer print 3d octoprint
news headline article breaking latest current story press journalist event
headline news top story breaking today
article blog post news read publish
rss feed news article subscription
trend trending popular google twitter topic hashtag keyword
blog post article wordpress publish write content
wordpress blog post page site plugin cms
cms content management entry page contentful strapi sanity ghost drupal
ghost blog post member newsletter publish
website site web page domain build create deploy publish online
web page website browse url html link content site
domain name registration dns whois register availability
dns record domain zone resolve
ssl certificate tls https domain
url link shorten web address
html css javascript web page frontend
landing page website form marketing deploy
form survey questionnaire poll response typeform field
survey poll question response feedback
seo search engine optimization keyword ranking backlink traffic serp website audit
keyword search volume seo ranking ppc content
backlink domain authority seo ahrefs semrush
lighthouse performance accessibility website speed audit metric
analytics traffic visitor website google metric report
advertising ad campaign ppc google ads facebook marketing budget
marketing campaign brand audience content strategy social ad
lead prospect sales outreach email contact crm enrichment
crm customer contact deal pipeline salesforce hubspot lead sales
salesforce crm account opportunity object lead soql
hubspot crm contact deal company marketing pipeline
customer support ticket zendesk intercom helpdesk conversation
intercom zendesk freshdesk ticket support conversation customer
erp inventory order warehouse supplier odoo sap
inventory stock warehouse product supply order
ecommerce shop store product order cart shopify checkout customer
shopify store product order customer ecommerce theme
shopping shop buy product store price deal cart online purchase
product price buy compare shop brand review item
laptop computer notebook pc macbook smartphone phone tablet device electronics
smartphone phone mobile iphone android device camera battery
headphone speaker camera tv gadget electronics product
refrigerator washing machine appliance kitchen home
shoes clothes clothing dress apparel fashion outfit wear shirt
fashion style outfit clothes wear trend brand designer
tshirt apparel print custom clothing merch
beauty makeup skincare cosmetic hair product
jewelry watch luxury ring
toy gift present birthday christmas idea surprise
gift present birthday anniversary idea celebrate father mother
wedding party birthday celebration event invite
discount coupon deal promo sale save offer code voucher
review rating star opinion product customer feedback
compare comparison versus difference alternative product
cart basket checkout shopping order
delivery shipping package parcel track courier order
logistics shipment freight carrier tracking
amazon ebay walmart etsy alibaba product seller marketplace
charity nonprofit donate donation foundation cause fundraising
grant funding fundraise startup opportunity scholarship
startup venture company founder funding investor crunchbase
company business corporate organization firm information profile industry
business strategy plan growth revenue market entrepreneur
sales revenue customer deal forecast quota
competitor competition market analysis rival
product management roadmap feature feedback user story
religion bible quran islam church prayer scripture
art museum painting artwork artist gallery collection exhibit
museum collection art exhibit history
history historical ancient century war event
architecture building design
theater broadway musical play show stage
magic gathering mtg card deck pokemon
personality mbti test type psychology
habit goal routine track daily productivity
goal habit track progress plan achieve
journal diary note reflect daily entry
decision choose option review journal think
note notes notebook write obsidian evernote notion markdown vault
obsidian vault note markdown link
notion page database workspace block note
evernote note notebook tag
wiki wikipedia article encyclopedia knowledge page
wikipedia encyclopedia article summary knowledge fact
knowledge base document retrieval rag search question answer
knowledge graph entity relation node observation memory
memory remember store recall context persistent knowledge
remember memory store recall save fact preference
rag retrieval augmented vector embedding document semantic
vector embedding similarity semantic search database pinecone qdrant chroma weaviate milvus
qdrant chroma pinecone milvus weaviate vector collection embedding store
embedding vector model semantic text
search engine query web google bing duckduckgo brave result
web search google bing internet online find information query
internet web online browse search page site
google search web maps drive gmail calendar docs sheets
google drive docs sheets file document folder
spreadsheet excel sheet cell row column workbook formula csv
excel workbook worksheet cell formula xlsx spreadsheet
csv data file table row column dataset
powerpoint slide presentation pptx deck
slide presentation deck powerpoint slideshow
word docx document paragraph office
pdf document page file read extract merge summarize report
document file text pdf word doc page content
file folder directory path read write move filesystem disk
filesystem file directory read write list path
download upload file transfer storage
dropbox box onedrive drive file folder share cloud storage
backup restore archive snapshot storage
zip compress archive extract
markdown convert html pdf document text pandoc
convert conversion transform format file
latex document pdf equation paper
diagram chart graph flowchart mermaid plantuml uml draw sequence state architecture
mermaid diagram flowchart sequence gantt chart render
flowchart diagram process step decision draw
mindmap map idea brainstorm branch topic diagram
chart plot graph bar line pie visualize data visualization
visualization chart plot dashboard graph data matplotlib
dashboard metric chart panel monitor grafana report
qr code barcode scan generate url
barcode scan product upc
database sql table query row column schema record db select insert
sql query select table database join row statement
select from where sql query table rows
postgres postgresql sql database table query schema
mysql mariadb sql database table query
sqlite sql database table local file
mongodb document collection database nosql aggregate query
redis cache key value store stream hash set pubsub
elasticsearch opensearch index query search log cluster document
neo4j graph database cypher node relationship
arangodb graph document database collection aql
graph node edge relationship cypher network neo4j
snowflake bigquery redshift databricks warehouse sql data analytics
duckdb motherduck parquet sql analytics csv
clickhouse analytics sql database table column
influxdb timeseries metric measurement bucket flux
supabase postgres database auth project table backend
firebase firestore auth cloud document storage google
airtable base table record field view
nocodb baserow airtable table record base
dynamodb aws table item key nosql
prisma orm schema migration model database
migration schema database table column alter
data pipeline etl airflow dag job task workflow ingest
airflow dag task run pipeline schedule
dbt model data transformation warehouse
kafka topic message consumer producer stream broker partition
rabbitmq queue message exchange broker
mqtt broker topic message device iot
queue message job worker task broker
cache store key expire memory redis
log logs logging error trace debug monitor event
error exception crash bug stack trace sentry issue debug
sentry error issue exception stack crash event
prometheus metric query promql alert monitoring cpu memory
grafana dashboard prometheus loki datasource metric alert panel
datadog newrelic monitor metric trace log apm
opentelemetry trace span telemetry observability
monitoring alert uptime incident metric status cpu
incident alert oncall pagerduty opsgenie outage
cpu memory disk usage system process performance
server host machine linux ssh remote command shell
ssh remote server command terminal shell connect
shell bash terminal command line execute run script powershell
terminal command shell cli console run execute
linux unix system admin command package kernel
windows powershell command system registry
macos mac apple applescript finder shortcut
android adb device phone app emulator
ios iphone simulator xcode device app
mobile app phone android ios device automation
process kill task run system
network ip address port packet scan traffic wireshark
nmap scan port network vulnerability host
security vulnerability cve scan exploit threat malware attack
cve vulnerability security advisory exploit patch
malware virus threat analysis virustotal reverse
reverse engineering binary disassemble decompile ghidra ida function symbol
binary executable disassembly import export function symbol reverse
password credential leak breach hacked account exposed security
breach leak hacked email password compromised
authentication login auth oauth sso user password token
okta auth0 identity user group sso login directory
ldap active directory user group entra identity
user account group role permission member admin
encryption encrypt decrypt key cryptography secure
secret vault password key credential store
privacy data gdpr consent personal
threat intelligence indicator attack actor ioc
api endpoint rest http request openapi swagger documentation
openapi swagger spec schema endpoint api
graphql schema query mutation type field
http request get post header response url curl fetch
postman api request collection test
fetch url page content html web markdown download
scrape crawl extract website page data html spider
crawl scrape site page link extract firecrawl apify
browser page navigate click screenshot playwright puppeteer selenium chrome automation tab
browser automation click fill form navigate website screenshot
screenshot capture screen image page desktop
playwright puppeteer selenium browser test click navigate
chrome devtools console network tab extension debug
desktop mouse keyboard click screen window control computer
clipboard copy paste text
code programming software developer function source debug refactor
code snippet function example program language
refactor code rename function clean improve
codebase code repository file symbol search project context
symbol function class definition reference code language server
lsp language server symbol definition reference diagnostics
ide vscode editor cursor code file
vscode editor extension code open file
python script run execute code notebook pip
jupyter notebook cell kernel python execute
notebook jupyter python sql cell data explore
javascript typescript node npm react vue web frontend
react component hook vue angular frontend ui
rust cargo crate compile
java maven gradle spring class jar
golang go module package
php laravel composer
ruby rails gem
dotnet csharp nuget microsoft
npm package dependency version install registry
package library dependency version pypi npm install
documentation docs reference library framework api guide
docs documentation library framework version example usage
test unit testing coverage assert run suite
debug breakpoint debugger step bug
lint eslint format code quality
compile build binary compiler
sandbox execute code isolated run container python
regex pattern match text expression
json yaml xml parse schema data format
json object field value compare diff
diff compare text change difference
template render string variable
base64 hash encode decode uuid md5
uuid random generate id number
machine learning model train dataset classify neural prediction
model train dataset classify prediction machine learning
dataset data download huggingface kaggle split row
huggingface model dataset space transformers hub
openai gpt chatgpt model completion llm
llm language model prompt claude gemini gpt ai completion
prompt template llm system instruction
agent ai autonomous task orchestrate workflow multi
artificial intelligence ai model agent assistant chatbot
reasoning think step thought sequential problem solve
evaluation experiment trace llm prompt dataset observability
ollama local model llm run
text to speech tts voice audio speak synthesize elevenlabs
speech voice audio speak recognition transcribe whisper
transcribe transcription audio speech text whisper
audio sound wav mp3 file speech music convert
voice clone speech speaker audio
video generate animation clip avatar scene
video edit cut trim merge subtitle ffmpeg
ffmpeg video audio convert encode
animation animate motion manim render
workflow automation zapier n8n trigger node integrate make
zapier automate app integration workflow connect
n8n workflow node execution automation
integration connect app api sync
translate subtitle language video
accessibility wcag a11y color contrast
electronics circuit pcb component kicad arduino
arduino raspberry microcontroller board electronics
robot ros robotics arm motion
drone uav flight mission
energy solar power electricity grid carbon renewable
carbon emission climate sustainability environment
climate change global warming environment carbon
water river lake flood
biodiversity species animal bird wildlife observation
ocean marine fish sea
mineral geology rock mining
construction building bim revit
manufacturing factory production machine
hardware device usb serial firmware
telephone call phone number caller reminder
call phone recording transcript customer zoom
contact address phone name people book
people person profile biography name
birthday date age calendar
holiday public date country calendar
date day difference calculate calendar week
random number dice generate
vote poll survey opinion
dating relationship love romance
friend family relationship people
community forum post member discussion
forum thread post discussion topic
stackoverflow question answer programming
github actions workflow run job ci
microsoft office 365 teams sharepoint onedrive outlook
sharepoint site document library microsoft
obs stream recording scene broadcast
twitch stream live channel
steam game library player
pokemon stats species move battle
star wars character film planet
lego set brick
hacker security ctf challenge
legal compliance audit regulation policy
procurement vendor supplier spend purchase
vendor spend expense card transaction company
expense receipt reimbursement travel card
bank statement transaction category spending
subscription plan billing renew
cost spend billing cloud usage saving report finops
anomaly cost alert detect
forecast predict prediction trend future
timeseries series trend forecast data
sentiment opinion positive negative social news analysis
wordcloud word text frequency visual
word count character text length
ascii art text font banner
emoji icon symbol
icon svg symbol library
wallpaper background image
unsplash pexels stock photo image free
stock photo image footage unsplash
color theme dark light
keyboard shortcut key
latency speed test internet bandwidth
proxy ip vpn network
vpn tailscale wireguard network
virtual machine vm proxmox vmware hypervisor
nas synology storage
backup snapshot database restore
file search index find name everything
text search grep pattern file find
timeline chronology history event
genealogy family tree ancestor
handwriting notes scan
invoice ocr extract field
field extract document structure data
table extract data document
ai image caption describe vision
vision image recognize detect object
face recognition detect photo
map visualization geojson gis layer
gis spatial layer qgis geographic
`
  .trim()
  .split('\n')
