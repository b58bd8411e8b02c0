//! Names of those who give out keys without a form of their own: a random value near such a name is one.
//!
//! Invariant: sorted, each once, in lower case.

/// Names in lower case, with blanks between.
pub(super) const ISSUERS: &str = "\
    abuseipdb adafruit adobe agora airbrake airship airtable aiven akamai alchemy alconost alegra aletheiaapi \
    algolia alibaba aliyun allsports amadeus ambee amplitude anthropic anypoint anyscale apify apilayer apimatic \
    apollo appcenter appcues appfollow artifactory asana assemblyai atlassian auth0 authress autodesk aviationstack \
    aws aylien ayrshare azure bannerbear baremetrics besttime bitbar bitbucket bitfinex bitly bitmex blazemeter \
    bloomerang bluesky bombbomb braintree braintrust brandfetch brevo browserstack browshot bscscan buddyns bugsnag \
    buildkite bulksms buttercms caflou calendarific calendly capsulecrm captaindata carboninterface cashboard \
    caspio cerebras cexio chartmogul chatfule checkly checkvist circleci clarifai claude clearbit clickhouse \
    clickup cliengo clientary clinchpad clockify clojars cloudconvert cloudflare cloudinary cloudmersive cloudplan \
    cloudsmith cockroach coda codacy codeclimate codecov codemagic codequiry codesandbox cohere coinapi coinbase \
    coinlayer commercejs companyhub confluence confluent contabo contentful convertapi convertkit coralogix \
    couchbase countrylayer courier coveralls craftmypdf crowdin cryptocompare currencylayer currencyscoop \
    currentsapi customerio d7network dailyco dareboost databox databricks datadog datagov datarobot debricked \
    deepai deepgram deepinfra deepl deepseek demio deno descope detectify detectlanguage dfuse diffbot digitalocean \
    discogs discord disqus docker dockerhub docparser docusign doppler dotdigital dovico dronahq droneci dropbox \
    duffel dwolla dynatrace dyspatch eagleeyenetworks easypost edamam elastic elasticemail elasticsearch elevenlabs \
    enablex endorlabs equinix etherscan ethplorer etsy eventbrite everhour exchangerate exoscale expo extractorapi \
    facebook fastforex fastly fastspring fetchrss fibery figma fileio finicity finnhub firebase firecrawl fixer \
    flatio fleetbase flickr flightstats flowflu flutterwave formbucket formcraft formio formsite foursquare frameio \
    freshbooks freshdesk freshworks fullcontact fullstory fxmarket gcp geckoboard gemini gengo geoapify geocodify \
    geocodio geoipifi getemail getgist getresponse ghost gitea gitee github gitlab gitpod gitter glassnode gnews \
    gocardless godaddy google grafana graphcms graphhopper groovehq groq gtmetrix gumroad gyazo happyscribe harness \
    hashicorp hasura hellosign helpcrunch helpscout heroku hetzner hiveage holidayapi honeybadger honeycomb hubspot \
    hubstaff huggingface hunterio hypertrack ibm iconfinder iexcloud imagekit imagga imgur imperva incapsula \
    influxdb infracost infura insightly instagram instamojo intercom interseller intrinio invoiceocean ionos ipapi \
    ipdata ipgeolocation ipinfo ipstack jenkins jfrog jira jotform jumpcloud jupiterone juro kagi keenio keycloak \
    kickbox klaviyo klipfolio kontent kraken kucoin langchain langfuse langsmith languagelayer larksuite \
    launchdarkly leadfeeder leaseweb lemlist lemonsqueezy lepton lessannoyingcrm lexigram linear linkedin \
    linkpreview linode litellm livekit livestorm loadmill lob locationiq loggly loginradius logzio lokalise looker \
    loyverse luno m3o madkudu magicbell mailboxlayer mailchimp mailerlite mailersend mailgun mailjet mailmodo \
    mailsac mailtrap mandrill mapbox mapquest marketstack mattermost mavenlink maxmind meaningcloud mediastack \
    meistertask meraki mesibo messagebird metaapi metabase microsoft midtrans milvus mindmeister mistral mite \
    mixpanel mockaroo mongodb monkeylearn moonclerk moosend moralis mrticktock mux myintervals mysql nasa nebius \
    neo4j neon nethunt netlify netsuite neutrinoapi newrelic newsapi nexmo nftport ngc ngrok nicereply noticeable \
    notion novita nozbe nuget numverify nutritionix nvidia nylas nytimes oanda octopus okta omnisend onedesk \
    onelogin onepagecrm onesignal onfleet openai opencage opencagedata openrouter openshift openuv openweather \
    openweathermap opsgenie optimizely overloop ovh owlbot pagarme pagerduty pandadoc paperform papertrail \
    paralleldots parsehub parseur partnerstack paydirtapp paymoapp paymongo paypal paystack pdflayer pdfshift pendo \
    peopledatalabs pepipost percy perplexity pexels photoroom pinata pinecone pingdom pipedream pipedrive \
    pivotaltracker pixabay plaid planetscale planyo plivo podio pollinations pollsapi poloniex polygonscan \
    portainer positionstack postgres posthog postman postmark powrbot prefect prismic privateai prodpad protocolsio \
    proxycrawl pubnub pulumi purestake pushbullet pusher pushover qase qdrant qiniu qualaroo qubole questdb \
    quickbooks rabbitmq railway rapidapi rapyd rawg razorpay reachmail readme rebrandly recaptcha rechargepayments \
    recurly redis refiner rentman repairshopr replicate requestfinance resend restpack retellai revampcrm \
    ringcentral riotgames ritekit rocketreach rollbar rubygems runrunit runscope saleforce salesblink salescookie \
    salesflare salesforce salesmate sambanova sanity satismeter saucelabs scaleway scalingo scalr scrapeowl \
    scraperapi scraperbox scrapestack scrapfly scrapingant scrapingbee screenshotapi segment selectpdf sendbird \
    sendgrid sendinblue sendpulse sentry serpapi serphouse serpstack sheety sherpadesk shipday shippo shodan \
    shopify shortcut shotstack shutterstock sidekiq signable signalwire signaturit signupgenius sigopt simfin \
    simplesat simplynoted simvoly sinch sirv skrappio skybiometry slack smartsheet smartystreets smooch smtp2go \
    snipcart snowflake snyk solarwinds sonar sonarcloud sonarqube sourcegraph sparkpost speechtextai splunk \
    spoonacular sportsmonk spotify sqlserver square squarespace sslmate stability stackblitz statuscake statuspage \
    stitchdata stockdata storecove stormglass storyblok storychief strapi strava stripe stytch sugester sumo \
    sumologic supabase surveybot surveymonkey surveysparrow survicate swiftype tableau tailscale tallyfy tavily \
    taxjar teamgate teamwork teamworkcrm teamworkdesk tefter telegram telnyx tencent terraform textmagic theoddsapi \
    thinkific thousandeyes ticketmaster tickettailor tiingo timecamp timescale timezoneapi tines tmetric todoist \
    toggl tokeet tomtom tradier transferwise travis travisci trello truenas trufflehog tumblr turso twelvedata \
    twilio twitch twitter tyntec typeform typetalk ubidots uclassify unsplash upcloud uplead uploadcare uptimerobot \
    urlscan userstack vatlayer vault vercel verimail veriphone viewneo virustotal visualcrossing voicegain vonage \
    voyageai vultr vyte wakatime walkscore wandb weatherapi weatherbit weatherstack weaviate webex webflow \
    webscraper weightsandbiases wepay whoxy wistia wit wix woocommerce wordpress workday workos worksnaps \
    worldweather wrike wundergraph xai xero yandex yelp yousign youtube zapier zendesk zenkit zenrows zenscrape \
    zenserp zeplin zerobounce zerotier zhipu zilliz zillow zipapi zipcodeapi zitadel zoho zonkafeedback zoom zuora";

#[cfg(test)]
mod tests {
    use super::ISSUERS;

    #[test]
    fn issuers_are_sorted_and_stand_once() {
        assert!(ISSUERS.split_ascii_whitespace().is_sorted_by(|left, right| left < right));
    }
}
