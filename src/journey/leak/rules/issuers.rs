//! Names of those who give out keys without a form of their own: a random value near such a name is one.
//!
//! Invariant: sorted, each once, in lower case.

/// Names in lower case, with blanks between.
pub(super) const ISSUERS: &str = "\
    abuseipdb adafruit adobe agora airbrake airship airtable aiven alchemy alconost alegra aletheiaapi algolia \
    alibaba aliyun allsports amadeus ambee amplitude anthropic anypoint apify apilayer apimatic apollo appcenter \
    appcues appfollow artifactory asana assemblyai atlassian auth0 authress autodesk aviationstack aws aylien \
    ayrshare azure bannerbear baremetrics besttime bitbar bitbucket bitfinex bitly bitmex blazemeter bluesky \
    bombbomb braintree braintrust brandfetch brevo browserstack bscscan bugsnag buildkite bulksms caflou \
    calendarific calendly captaindata carboninterface cashboard caspio cerebras cexio chartmogul chatfule checkly \
    checkvist circleci clarifai claude clearbit clickhouse clickup cliengo clientary clinchpad clockify clojars \
    cloudconvert cloudflare cloudinary cloudmersive cloudplan cloudsmith cockroach coda codacy codeclimate codecov \
    codemagic codequiry cohere coinapi coinbase coinlayer commercejs companyhub confluence confluent contentful \
    convertkit coralogix couchbase countrylayer courier coveralls crowdin cryptocompare currencylayer \
    currencyscoop currentsapi customerio dailyco dareboost databox databricks datadog datagov datarobot debricked \
    deepai deepgram deepl deepseek demio deno detectify detectlanguage dfuse diffbot digitalocean discogs discord \
    disqus docker dockerhub docparser docusign doppler dotdigital dovico dronahq droneci dropbox duffel dwolla \
    dynatrace dyspatch eagleeyenetworks easypost edamam elastic elasticemail elasticsearch elevenlabs enablex \
    endorlabs etherscan etsy eventbrite everhour exchangerate expo extractorapi facebook fastforex fastly \
    fastspring fetchrss fibery figma fileio finicity finnhub firebase firecrawl fixer flatio fleetbase flickr \
    flightstats flowflu flutterwave formbucket formcraft formio formsite foursquare frameio freshbooks freshdesk \
    freshworks fullcontact fxmarket gcp geckoboard gemini gengo geoapify geocodify geocodio geoipifi getemail \
    getgist getresponse ghost gitea gitee github gitlab gitter glassnode gnews gocardless godaddy google grafana \
    graphcms graphhopper groovehq groq gtmetrix gumroad gyazo happyscribe harness hashicorp hasura hellosign \
    helpcrunch helpscout heroku hetzner holidayapi honeybadger honeycomb hubspot huggingface hunterio hypertrack \
    ibm iconfinder iexcloud imagekit imagga imgur infracost infura insightly instagram instamojo intercom \
    interseller intrinio invoiceocean ipapi ipdata ipgeolocation ipinfo ipstack jenkins jfrog jira jotform \
    jumpcloud jupiterone juro kagi keenio kickbox klaviyo klipfolio kontent kraken kucoin langfuse langsmith \
    languagelayer larksuite launchdarkly leadfeeder lemlist lemonsqueezy lessannoyingcrm lexigram linear linkedin \
    linkpreview linode litellm livekit livestorm loadmill lob locationiq loggly loginradius logzio lokalise looker \
    loyverse luno m3o madkudu magicbell mailboxlayer mailchimp mailerlite mailersend mailgun mailjet mailmodo \
    mailsac mailtrap mandrill mapbox mapquest marketstack mattermost mavenlink maxmind meaningcloud mediastack \
    meistertask meraki mesibo messagebird metaapi metabase microsoft midtrans mindmeister mistral mite mixpanel \
    mockaroo mongodb monkeylearn moonclerk moosend moralis mrticktock mux mysql nasa neon nethunt netlify netsuite \
    neutrinoapi newrelic newsapi nexmo nftport ngc ngrok nicereply noticeable notion nozbe nuget numverify \
    nutritionix nvidia nylas oanda octopus okta omnisend onedesk onelogin onepagecrm onesignal onfleet openai \
    opencage opencagedata openrouter openshift openuv openweather openweathermap opsgenie optimizely overloop \
    owlbot pagarme pagerduty pandadoc paperform papertrail paralleldots parsehub parseur partnerstack paydirtapp \
    paymoapp paymongo paypal paystack pdflayer pdfshift pendo peopledatalabs pepipost percy perplexity pexels \
    photoroom pinata pinecone pingdom pipedream pipedrive pivotaltracker pixabay plaid planetscale planyo plivo \
    podio pollsapi poloniex polygonscan portainer positionstack postgres posthog postman postmark powrbot prefect \
    prismic privateai prodpad protocolsio proxycrawl pubnub pulumi purestake pushbullet pusher pushover qase \
    qdrant qiniu qualaroo qubole quickbooks rabbitmq railway rapidapi rapyd rawg razorpay reachmail readme \
    rebrandly rechargepayments recurly redis refiner rentman repairshopr replicate requestfinance resend restpack \
    revampcrm ringcentral ritekit rocketreach rollbar rubygems runrunit saleforce salesblink salescookie \
    salesflare salesforce salesmate sanity satismeter saucelabs scaleway scalr scrapeowl scraperapi scraperbox \
    scrapestack scrapfly scrapingant scrapingbee screenshotapi segment selectpdf sendbird sendgrid sendinblue \
    sentry serpapi serphouse serpstack sheety sherpadesk shipday shippo shodan shopify shortcut shotstack \
    shutterstock sidekiq signable signalwire signaturit signupgenius sigopt simfin simplesat simplynoted simvoly \
    sinch sirv skrappio skybiometry slack smartsheet smartystreets smooch snipcart snowflake snyk solarwinds sonar \
    sonarcloud sonarqube sourcegraph sparkpost speechtextai splunk spoonacular sportsmonk spotify sqlserver square \
    squarespace sslmate stability statuscake statuspage stitchdata stockdata storecove stormglass storyblok \
    storychief strapi strava stripe stytch sugester sumo sumologic supabase surveybot surveymonkey surveysparrow \
    survicate swiftype tableau tailscale tallyfy tavily taxjar teamgate teamwork tefter telegram telnyx tencent \
    terraform textmagic theoddsapi thinkific thousandeyes ticketmaster tickettailor tiingo timecamp timezoneapi \
    tines tmetric todoist toggl tokeet tomtom tradier transferwise travis travisci trello truenas trufflehog \
    tumblr twelvedata twilio twitch twitter tyntec typeform typetalk ubidots unsplash upcloud uplead uploadcare \
    uptimerobot urlscan userstack vatlayer vault vercel verimail veriphone viewneo virustotal visualcrossing \
    voicegain vonage voyageai vultr vyte wakatime walkscore weatherapi weatherbit weatherstack weaviate webex \
    webflow webscraper wepay whoxy wistia wit wix woocommerce wordpress workday worksnaps worldweather wrike \
    wundergraph xai xero yandex yelp yousign youtube zapier zendesk zenkit zenrows zenscrape zenserp zeplin \
    zerobounce zerotier zillow zipapi zipcodeapi zoho zonkafeedback zoom zuora";

#[cfg(test)]
mod tests {
    use super::ISSUERS;

    #[test]
    fn issuers_are_sorted_and_stand_once() {
        assert!(ISSUERS.split_ascii_whitespace().is_sorted_by(|left, right| left < right));
    }
}
