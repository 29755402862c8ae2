{{/* "true" where people sign in; empty where all are guests. It fails where the sign-on could not work. */}}
{{- define "blender-sessions.signsOn" -}}
{{- $values := .Values.signOn -}}
{{- if ne $values.mode "Guests" -}}
{{- if not .Values.portal.enabled -}}
{{- fail (printf "signOn.mode=%s needs the portal, which knows who somebody is: set portal.enabled=true, or signOn.mode=Guests" $values.mode) -}}
{{- end -}}
{{- if not .Values.proxy.enabled -}}
{{- fail (printf "signOn.mode=%s needs the chart's proxy, which tells Guacamole who somebody is: set proxy.enabled=true, and put yours before it" $values.mode) -}}
{{- end -}}
{{- $path := (urlParse (include "blender-sessions.publicURL" .)).path -}}
{{- if ne $path "/" -}}
{{- fail (printf "publicURL has the path %s, which does not go together with signOn.mode=%s: other applications of the host would get the cookie of the sign-on. Give it a host name of its own, or set signOn.mode=Guests" $path $values.mode) -}}
{{- end -}}
{{- $written := list "host" "connection" "upgrade" "cookie" "content-length" "guacamole-token" "x-real-ip" "x-forwarded-for" "x-forwarded-host" "x-forwarded-proto" "x-guacamole-query" "x-sign-on-key" "x-sign-on-peer" "authorization" "x-forwarded-access-token" "x-auth-request-access-token" "x-auth-token" "user-agent" "accept" "accept-encoding" "accept-language" "origin" "referer" "forwarded" "x-requested-with" "x-csrf-token" "range" -}}
{{- range $key := list "user" "name" "groups" -}}
{{- $header := index $values.header $key -}}
{{- if has (lower $header) $written -}}
{{- fail (printf "signOn.header.%s is %s, which browsers or the chart's proxy write themselves, so it says nothing of people: have your proxy use another one, like X-Forwarded-User" $key $header) -}}
{{- end -}}
{{- end -}}
{{- range $header := $values.header.others -}}
{{- if has (lower $header) $written -}}
{{- fail (printf "signOn.header.others has %s, which browsers or the chart's proxy write themselves: take it out" $header) -}}
{{- end -}}
{{- end -}}
{{- if and (eq $values.mode "Header") (empty $values.header.trustedProxies) -}}
{{- fail "signOn.header.trustedProxies is required with signOn.mode=Header: the networks (CIDR) from which your authenticating proxy connects, for nobody else may say who a person is" -}}
{{- end -}}
{{- if and (eq $values.mode "OpenIDConnect") (or (empty $values.openID.issuer) (empty $values.openID.clientID)) -}}
{{- fail "signOn.openID.issuer and signOn.openID.clientID are required with signOn.mode=OpenIDConnect: the provider's address, exactly as its tokens have it in iss, and what it calls this portal" -}}
{{- end -}}
true
{{- end -}}
{{- end -}}

{{- define "blender-sessions.signOnSecret" -}}
{{- .Values.signOn.existingSecret | default (include "blender-sessions.name" (list . "sign-on")) -}}
{{- end -}}

{{/* The variable with the name of the header by which Guacamole learns who somebody is. Call with (list $ "NAME"). */}}
{{- define "blender-sessions.personHeader" -}}
- name: SIGN_ON_GUACAMOLE_KEY
  valueFrom:
    secretKeyRef:
      name: {{ include "blender-sessions.signOnSecret" (index . 0) }}
      key: guacamole
- name: {{ index . 1 }}
  value: X-Person-$(SIGN_ON_GUACAMOLE_KEY)
{{- end -}}

{{/* The portal's variables of the sign-on. */}}
{{- define "blender-sessions.signOnSettings" -}}
{{- $values := .Values.signOn -}}
{{- $prefix := "BLENDERSESSIONS_PORTAL_SIGN_ON" -}}
{{- if include "blender-sessions.signsOn" . -}}
- name: {{ $prefix }}_MODE
  value: {{ $values.mode | quote }}
- name: {{ $prefix }}_PROXY_KEY_FILE
  value: /run/secrets/sign-on/portal
- name: {{ $prefix }}_ADMINISTRATOR
  valueFrom:
    secretKeyRef:
      name: {{ include "blender-sessions.adminSecret" . }}
      key: username
- name: {{ $prefix }}_RESERVED_NAMES
  value: {{ $values.reservedNames | toJson | quote }}
- name: {{ $prefix }}_FOLD_CASE
  value: {{ $values.foldCase | quote }}
- name: {{ $prefix }}_ADMIN_GROUPS
  value: {{ $values.adminGroups | toJson | quote }}
- name: {{ $prefix }}_CLASSES
  value: {{ $values.classes | toJson | quote }}
{{- if eq $values.mode "OpenIDConnect" }}
{{- with $values.openID }}
- name: {{ $prefix }}_OPENID_ISSUER
  value: {{ .issuer | quote }}
- name: {{ $prefix }}_OPENID_CLIENT_ID
  value: {{ .clientID | quote }}
{{- if .existingSecret }}
- name: {{ $prefix }}_OPENID_CLIENT_SECRET_FILE
  value: /run/secrets/openid/client-secret
{{- end }}
{{- if .caConfigMap }}
- name: {{ $prefix }}_OPENID_CA_FILE
  value: /run/openid-ca/ca.crt
{{- end }}
- name: {{ $prefix }}_OPENID_SCOPES
  value: {{ .scopes | quote }}
- name: {{ $prefix }}_OPENID_USER_CLAIM
  value: {{ .userClaim | quote }}
- name: {{ $prefix }}_OPENID_NAME_CLAIM
  value: {{ .nameClaim | quote }}
- name: {{ $prefix }}_OPENID_GROUPS_CLAIM
  value: {{ .groupsClaim | quote }}
- name: {{ $prefix }}_OPENID_MAX_AGE_SECONDS
  value: {{ .maxAgeSeconds | int | quote }}
- name: {{ $prefix }}_OPENID_CLOCK_SKEW_SECONDS
  value: {{ .clockSkewSeconds | int | quote }}
{{- end }}
{{- else }}
{{- with $values.header }}
- name: {{ $prefix }}_TRUSTED_PROXIES
  value: {{ join "," .trustedProxies | quote }}
- name: {{ $prefix }}_USER_HEADER
  value: {{ .user | quote }}
- name: {{ $prefix }}_NAME_HEADER
  value: {{ .name | quote }}
- name: {{ $prefix }}_GROUPS_HEADER
  value: {{ .groups | quote }}
- name: {{ $prefix }}_GROUPS_SEPARATOR
  value: {{ .groupsSeparator | quote }}
- name: {{ $prefix }}_SIGN_OUT_URL
  value: {{ .signOutURL | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The portal's files of the sign-on: where each is mounted. */}}
{{- define "blender-sessions.signOnMounts" -}}
{{- if include "blender-sessions.signsOn" . -}}
- name: sign-on
  mountPath: /run/secrets/sign-on
  readOnly: true
{{- if eq .Values.signOn.mode "OpenIDConnect" }}
{{- if .Values.signOn.openID.existingSecret }}
- name: openid
  mountPath: /run/secrets/openid
  readOnly: true
{{- end }}
{{- if .Values.signOn.openID.caConfigMap }}
- name: openid-ca
  mountPath: /run/openid-ca
  readOnly: true
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "blender-sessions.signOnVolumes" -}}
{{- if include "blender-sessions.signsOn" . -}}
- name: sign-on
  secret:
    secretName: {{ include "blender-sessions.signOnSecret" . }}
    defaultMode: 0440
    items:
      - key: portal
        path: portal
{{- if eq .Values.signOn.mode "OpenIDConnect" }}
{{- with .Values.signOn.openID.existingSecret }}
- name: openid
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
      - key: client-secret
        path: client-secret
{{- end }}
{{- with .Values.signOn.openID.caConfigMap }}
- name: openid-ca
  configMap:
    name: {{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The port of the OpenID provider. */}}
{{- define "blender-sessions.openIDPort" -}}
{{- $host := (urlParse .Values.signOn.openID.issuer).host -}}
{{- regexFind ":[0-9]+$" $host | trimPrefix ":" | default "443" -}}
{{- end -}}
